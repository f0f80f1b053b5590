import { Module } from '@nestjs/common';
import { KnowledgeModule } from '../knowledge/knowledge.module.js';
import { SearchModule } from '../search/search.module.js';
import { Candidates } from './candidates.js';
import { JobDescriptionsController } from './job-descriptions.controller.js';
import { JobDescriptionsRepository } from './job-descriptions.repository.js';
import { JobDescriptions } from './job-descriptions.service.js';
import { LlmQuestionWriter } from './llm.question.writer.js';
import { QuestionMaker } from './question.maker.js';
import { QuestionWriter } from './question.writer.js';
import { QuestionsController } from './questions.controller.js';
import { QuestionsRepository } from './questions.repository.js';
import { Questions } from './questions.service.js';
import { Suggester } from './suggester.js';
import { SuggestionsController } from './suggestions.controller.js';

@Module({
  imports: [KnowledgeModule, SearchModule],
  controllers: [JobDescriptionsController, SuggestionsController, QuestionsController],
  providers: [
    Candidates,
    JobDescriptions,
    JobDescriptionsRepository,
    QuestionMaker,
    { provide: QuestionWriter, useClass: LlmQuestionWriter },
    Questions,
    QuestionsRepository,
    Suggester,
  ],
})
export class InterviewsModule {}
