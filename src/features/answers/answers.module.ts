import { Module } from '@nestjs/common';
import { KnowledgeModule } from '../knowledge/knowledge.module.js';
import { WritingModule } from '../writing/writing.module.js';
import { AnswerCache } from './answer.cache.js';
import { AnswersController } from './answers.controller.js';
import { Answerer } from './answers.service.js';

@Module({
  imports: [KnowledgeModule, WritingModule],
  controllers: [AnswersController],
  providers: [Answerer, AnswerCache],
})
export class AnswersModule {}
