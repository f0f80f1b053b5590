import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** What every answer says, as OWASP's Secure Headers Project and helmet 8 have it: it is no page, and no page's part. */
const ALWAYS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'x-permitted-cross-domain-policies': 'none',
};
const NO_PAGE = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
// Swagger UI loads its own scripts, sets styles in place, shows images from data, and asks this service.
const API_PAGE =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
  "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
// The files of the page are the same for everybody; everything else is a caller's own, and of this moment. The names are as
// Fastify keeps them, which sets them for each answer.
const OF_PAGE = { ...ALWAYS, 'content-security-policy': API_PAGE };
const OF_ANSWER = { ...ALWAYS, 'content-security-policy': NO_PAGE, 'cache-control': 'no-store' };
const API_PAGE_PATH = /^\/api\/docs(\/|\?|$)/;
// Behind TLS alone: elsewhere browsers pay no heed to it, and a development machine would be locked out of itself.
const TWO_YEARS = 'max-age=63072000; includeSubDomains';

/** Sets what a browser must know of every answer. What a route says itself goes before it. */
export function secureAnswers(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    secure(request, reply);
    done();
  });
}

/** The same for an answer that comes before any hook. */
export function secure(request: FastifyRequest, reply: FastifyReply): void {
  void reply.headers(API_PAGE_PATH.test(request.url) ? OF_PAGE : OF_ANSWER);
  // As the proxy says, where TRUST_PROXY names it.
  if (request.protocol === 'https') void reply.header('strict-transport-security', TWO_YEARS);
}
