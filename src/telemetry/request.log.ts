import { Injectable } from '@nestjs/common';
import { PinoLogger } from 'nestjs-pino';
import { events } from './events.js';

/** A request that was answered. */
export interface AnsweredRequest {
  method: string;
  /** Without the query, which may hold anything. */
  path: string;
  route: string;
  status: number;
  took_ms: number;
}

/**
 * The line that is written of each request. It has these fields and no others, each a word or a number, so it is not searched
 * for secrets as every other line is: to search it costs more than to write it.
 */
@Injectable()
export class RequestLog {
  private readonly logger;

  constructor({ logger }: PinoLogger) {
    this.logger = logger.child({ context: 'Http' }, { redact: [] });
  }

  answered({ method, path, route, status, took_ms }: AnsweredRequest): void {
    const facts = { event: events.requestAnswered, method, path, route, status, took_ms };
    this.logger.info(facts, `${method} ${path} ${status} in ${took_ms} ms`);
  }
}
