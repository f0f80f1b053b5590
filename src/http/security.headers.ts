import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** What every answer says, as OWASP's Secure Headers Project and helmet 8 have it: it is no page, and no page's part. */
const ALWAYS = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'X-Permitted-Cross-Domain-Policies': 'none',
};
const NO_PAGE = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
// Swagger UI loads its own scripts, sets styles in place, shows images from data, and asks this service.
const API_PAGE =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; " +
  "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
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
  const page = API_PAGE_PATH.test(request.url);
  void reply.headers({
    ...ALWAYS,
    'Content-Security-Policy': page ? API_PAGE : NO_PAGE,
    // The files of the page are the same for everybody; everything else is a caller's own, and of this moment.
    ...(!page && { 'Cache-Control': 'no-store' }),
    // As the proxy says, where TRUST_PROXY names it.
    ...(request.protocol === 'https' && { 'Strict-Transport-Security': TWO_YEARS }),
  });
}
