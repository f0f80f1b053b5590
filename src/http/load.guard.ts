import {
  type CanActivate,
  type ExecutionContext,
  type INestApplicationContext,
  Injectable,
} from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Importance, Lane } from '../resilience/load/importance.js';
import { Load } from '../resilience/load/load.js';
import type { Place } from '../resilience/load/place.js';
import { RequestContext } from '../telemetry/request.context.js';
import { scopeOf } from './access.js';
import { Mark } from './mark.js';
import { DOCUMENTS } from './server.js';

const IMPORTANCE = new Mark<Importance>('mainstay:importance');
const LANE = new Mark<Lane>('mainstay:lane');
// Somebody waits for what he asked for.
const IMPORTANCE_DEFAULT: Importance = 'chat';
const LANE_DEFAULT: Lane = 'stores';
const LARGE_BYTES = 64 * 1_024;

/** How important a route is where there is too much to do. Without it: as chat. */
export const Important = (importance: Importance) => IMPORTANCE.set(importance);

/** Marks what needs no store of this process: models do all the work. */
export const ByModelsAlone = () => LANE.set('models');

/**
 * Lets requests in as the load allows, before anything else is done for them: to refuse one must cost nothing but the
 * refusal. Probes and operators are always let in, as they are what an overload is seen and ended by.
 */
@Injectable()
export class LoadGuard implements CanActivate {
  constructor(private readonly load: Load) {}

  // No promise where nothing is waited for: each costs every request a turn.
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const scope = scopeOf(context);
    if (scope === 'public' || scope === 'operate') return true;
    const [lane, importance] = [
      LANE.of(context) ?? LANE_DEFAULT,
      IMPORTANCE.of(context) ?? IMPORTANCE_DEFAULT,
    ];
    const http = context.switchToHttp();
    const [request, reply] = [http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>()];
    const entered = this.load.enter(lane, importance, `${request.method} ${request.routeOptions.url}`);
    if (entered instanceof Promise)
      return entered.then((place) => {
        hold(place, reply);
        return true;
      });
    hold(entered, reply);
    return true;
  }
}

/**
 * Refuses a large document before it is read, where there is no room for it: to read and parse it would cost more than most of
 * what is let in. What is small waits for its turn at the guard.
 */
export function refuseLargeDocuments(fastify: FastifyInstance, app: INestApplicationContext): void {
  const load = app.get(Load);
  fastify.addHook('onRequest', (request, _reply, done) => {
    const { method, headers, routeOptions } = request;
    const isLarge = Number(headers['content-length'] ?? 0) > LARGE_BYTES;
    try {
      if (isLarge && method === 'POST' && routeOptions.url === DOCUMENTS) load.assertRoom('stores', 'ingest');
      done();
    } catch (error) {
      done(error as Error);
    }
  });
}

/** Until the request is over, or its client gone. */
function hold(place: Place, { raw }: FastifyReply): void {
  const timings = RequestContext.current()?.timings;
  if (timings !== undefined) timings.absence = place;
  raw.on('close', () => place.leave(raw.statusCode < 400));
  // It went away while it waited.
  if (raw.closed) place.leave(false);
}
