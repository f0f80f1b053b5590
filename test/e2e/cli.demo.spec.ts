import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startCli } from '../support/cli.js';
import { temporaryFolder, type TemporaryFolder } from '../support/folder.js';

// The first start reads a manual of 600 kB.
const TIMEOUT_MS = 180_000;

describe('The demo', () => {
  let folder: TemporaryFolder;
  let env: Record<string, string>;
  let taken: Server;

  beforeAll(async () => {
    folder = await temporaryFolder();
    taken = createServer();
    await new Promise<void>((resolve) => void taken.listen(0, '127.0.0.1', resolve));
    env = { DATA_DIR: join(folder.path, 'data'), PORT: String((taken.address() as AddressInfo).port) };
  });
  afterAll(async () => {
    await new Promise((resolve) => taken.close(resolve));
    await folder.remove();
  });

  const start = (...args: string[]) => startCli('demo', args, folder.path, env);

  it(
    'takes the manual in and answers three questions from it, on another port when its own is in use',
    async () => {
      const { code, stdout, stderr } = await start('--once').ended;
      expect(stderr.split('\n').filter((line) => !line.startsWith('taken '))).toEqual(['']);
      expect(code).toBe(0);
      expect(stdout).toContain(`Port ${env['PORT']} is in use: taking a free one`);
      expect(stdout).toMatch(/The manual is in: \d+ documents of .*fastify\/docs, \d+ chunks/);
      expectAnswers(stdout);
    },
    TIMEOUT_MS,
  );

  it(
    'finds the documents still there, serves what it printed, lets a second one use it, and ends at Ctrl-C',
    async () => {
      const demo = start();
      try {
        await demo.says('Serving until Ctrl-C');
        const said = demo.stdout();
        expect(said).toMatch(/still there from an earlier start: \d+ documents, \d+ chunks/);
        expectAnswers(said);

        const [, url, type, body] = /curl -s (\S+) -H '(.*?)' \\\n\s+-d '(.*)'/.exec(said)!;
        const answer = await fetch(url!, {
          method: 'POST',
          headers: [type!.split(': ') as [string, string]],
          body: body!,
        });
        expect(answer.status).toBe(200);
        expect(((await answer.json()) as { citations: unknown[] }).citations.length).toBeGreaterThan(0);
        expect((await fetch(/\S+\/api\/docs/.exec(said)![0])).status).toBe(200);

        const second = await start().ended;
        expect(second.code).toBe(0);
        expect(second.stdout).toContain(`runs already at ${new URL(url!).origin}`);
        expectAnswers(second.stdout);

        demo.interrupt();
        expect(await demo.ended).toMatchObject({ code: 0 });
        expect(existsSync(join(env['DATA_DIR']!, 'mainstay.lock'))).toBe(false);
      } finally {
        // Of no effect on one that has ended.
        demo.interrupt();
        await demo.ended;
      }
    },
    TIMEOUT_MS,
  );
});

/** What a reader of the manual would answer. */
function expectAnswers(said: string): void {
  const [, ...answers] = said.split(/^Q {2}/m);
  expect(answers).toHaveLength(3);
  expect(answers[0]).toContain('Fastify v5 will only support Node.js v20+');
  expect(answers[1]).toContain('The log level can be set per-route.');
  expect(answers[2]).toMatch(/respond to\s+every\s+new incoming request with a\s+`503`/);
  for (const answer of answers) {
    expect(answer).toMatch(/^ {3}\[1\] .* · fastify\/\S+\.md$/m);
    expect(answer).toContain('answer level: extractive · retrieval: hybrid');
  }
}
