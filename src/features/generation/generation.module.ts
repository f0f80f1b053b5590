import { Module } from '@nestjs/common';
import { WritingModule } from '../writing/writing.module.js';
import { Feedback } from './feedback.service.js';
import { GenerationController } from './generation.controller.js';
import { GenerationRepository } from './generation.repository.js';
import { Generator } from './generation.service.js';

@Module({
  imports: [WritingModule],
  controllers: [GenerationController],
  providers: [Feedback, GenerationRepository, Generator],
})
export class GenerationModule {}
