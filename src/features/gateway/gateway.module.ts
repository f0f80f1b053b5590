import { Module } from '@nestjs/common';
import { WritingModule } from '../writing/writing.module.js';
import { GatewayController } from './gateway.controller.js';
import { Gateway } from './gateway.service.js';

@Module({ imports: [WritingModule], controllers: [GatewayController], providers: [Gateway] })
export class GatewayModule {}
