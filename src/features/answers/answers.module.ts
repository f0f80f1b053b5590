import { Module } from '@nestjs/common';
import { SearchModule } from '../search/search.module.js';
import { AnswersController } from './answers.controller.js';
import { Answerer } from './answers.service.js';

@Module({ imports: [SearchModule], controllers: [AnswersController], providers: [Answerer] })
export class AnswersModule {}
