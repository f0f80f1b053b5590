import { Module } from '@nestjs/common';
import { KnowledgeModule } from '../knowledge/knowledge.module.js';
import { PassagesRepository } from './passages.repository.js';
import { SearchController } from './search.controller.js';
import { Search } from './search.service.js';

@Module({
  imports: [KnowledgeModule],
  controllers: [SearchController],
  providers: [Search, PassagesRepository],
  exports: [Search],
})
export class SearchModule {}
