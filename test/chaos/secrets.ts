import type { Client } from './client.js';

/** Stands in every secret that the service is given, and must stand in nothing that it says. */
export const CANARY = 'canary-in-a-secret';

export const OPERATOR_TOKEN = `operator-${CANARY}-token`;

/** A secret of its own kind: which one got out can be told by what stands around it. */
export const secret = (of: string) => `${of}-${CANARY}-${of}`;

/** Where what the service said held a secret. */
export class Leaks {
  readonly found = new Set<string>();

  /** @param where who said it: `the log`, `GET /metrics` */
  look(where: string, text: string): void {
    if (text.includes(CANARY)) this.found.add(where);
  }

  /** Everything that an operator can ask for. */
  async ask(client: Client): Promise<void> {
    const authorization = `Bearer ${OPERATOR_TOKEN}`;
    for (const accept of ['application/json', 'text/html', 'application/health+json']) {
      const { body } = await client.call('GET', '/api/v1/health/diagnostics', undefined, {
        authorization,
        accept,
      });
      this.look(`diagnostics as ${accept}`, typeof body === 'string' ? body : JSON.stringify(body));
      const metrics = (body.boot as { step: string; detail: string }[] | undefined)?.find(
        ({ step }) => step === 'metrics',
      );
      if (metrics !== undefined) this.look('metrics', await (await fetch(metrics.detail)).text());
    }
    this.look('readiness', JSON.stringify((await client.call('GET', '/api/v1/health/readiness')).body));
  }
}
