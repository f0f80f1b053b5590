import { Module } from '@nestjs/common';
import { WritingModule } from '../writing/writing.module.js';
import { Assistant } from './assistant.js';
import { ChatController } from './chat.controller.js';
import { ChatRepository } from './chat.repository.js';
import { Chat } from './chat.service.js';
import { EscalationsController } from './escalations.controller.js';
import { EscalationsRepository } from './escalations.repository.js';
import { Escalations } from './escalations.service.js';

@Module({
  imports: [WritingModule],
  controllers: [ChatController, EscalationsController],
  providers: [Assistant, Chat, ChatRepository, Escalations, EscalationsRepository],
})
export class ChatModule {}
