import { Module } from '@nestjs/common';
import { SearchModule } from '../search/search.module.js';
import { ContentsRepository } from './contents.repository.js';
import { RecommendationsController } from './recommendations.controller.js';
import { Recommender } from './recommender.js';
import { UserPatternsController } from './user-patterns.controller.js';
import { UserPatternsRepository } from './user-patterns.repository.js';
import { UserPatterns } from './user-patterns.service.js';

@Module({
  imports: [SearchModule],
  controllers: [RecommendationsController, UserPatternsController],
  providers: [ContentsRepository, Recommender, UserPatterns, UserPatternsRepository],
})
export class RecommendationsModule {}
