import { type DynamicModule, Module, type OnModuleInit } from '@nestjs/common';
import type { Settings } from './config/settings.js';
import { SettingsModule } from './config/settings.module.js';
import { AnswersModule } from './features/answers/answers.module.js';
import { ChatModule } from './features/chat/chat.module.js';
import { GatewayModule } from './features/gateway/gateway.module.js';
import { GenerationModule } from './features/generation/generation.module.js';
import { KeysModule } from './features/keys/keys.module.js';
import { InterviewsModule } from './features/interviews/interviews.module.js';
import { KnowledgeModule } from './features/knowledge/knowledge.module.js';
import { RecommendationsModule } from './features/recommendations/recommendations.module.js';
import { SearchModule } from './features/search/search.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { CacheModule } from './platform/cache/cache.module.js';
import { DatabaseModule } from './platform/database/database.module.js';
import { JobsModule } from './platform/jobs/jobs.module.js';
import { LlmModule } from './platform/llm/llm.module.js';
import { VectorStoreModule } from './platform/vector-store/vector-store.module.js';
import { WebPagesModule } from './platform/web-pages/web-pages.module.js';
import { WebSearchModule } from './platform/web-search/web-search.module.js';
import { BootPlan } from './resilience/boot.plan.js';
import { ResilienceModule } from './resilience/resilience.module.js';
import { TelemetryModule } from './telemetry/telemetry.module.js';

@Module({})
export class AppModule implements OnModuleInit {
  constructor(private readonly plan: BootPlan) {}

  static with(settings: Settings): DynamicModule {
    return {
      module: AppModule,
      imports: [
        SettingsModule.with(settings),
        TelemetryModule.with(settings),
        ResilienceModule,
        DatabaseModule,
        CacheModule,
        LlmModule,
        WebPagesModule,
        WebSearchModule,
        VectorStoreModule,
        JobsModule,
        KeysModule,
        KnowledgeModule,
        SearchModule,
        AnswersModule,
        GenerationModule,
        ChatModule,
        InterviewsModule,
        RecommendationsModule,
        GatewayModule,
        HealthModule,
        HttpModule,
      ],
    };
  }

  /** The root's turn comes last: every module has said by now what it needs done before anything listens. */
  async onModuleInit(): Promise<void> {
    await this.plan.run();
  }
}
