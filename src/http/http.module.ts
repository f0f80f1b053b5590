import { Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { AccessGuard } from './access.js';
import { ByteStreams } from './byte-streams.js';
import { EventStreams } from './event-streams.js';
import { LoadGuard } from './load.guard.js';
import { MaintenanceGuard } from './maintenance.guard.js';
import { OpenStreams } from './open-streams.js';
import { ProblemFilter } from './problem.filter.js';
import { RateLimitGuard } from './rate.limits.js';
import { Tokens } from './tokens.js';
import { validationPipe } from './validation.pipe.js';

/** What all controllers share. */
@Global()
@Module({
  providers: [
    { provide: APP_GUARD, useClass: MaintenanceGuard },
    { provide: APP_GUARD, useClass: LoadGuard },
    { provide: APP_GUARD, useClass: AccessGuard },
    { provide: APP_GUARD, useClass: RateLimitGuard },
    Tokens,
    { provide: APP_PIPE, useFactory: validationPipe },
    { provide: APP_FILTER, useClass: ProblemFilter },
    OpenStreams,
    EventStreams,
    ByteStreams,
  ],
  exports: [EventStreams, ByteStreams, Tokens],
})
export class HttpModule {}
