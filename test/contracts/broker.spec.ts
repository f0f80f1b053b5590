import { Logger } from '@nestjs/common';
import { MemoryBroker } from '../../src/platform/cache/memory.broker.js';
import { brokerContract } from './broker.suite.js';

Logger.overrideLogger(false);

brokerContract('memory', () => ({ broker: new MemoryBroker() }));
