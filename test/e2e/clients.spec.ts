import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Booted, boot } from '../support/boot.js';
import { eventuallyHolds } from '../support/eventually.js';
import { answerTo } from '../support/provider.model.ts';
import { type Provider, startProvider } from '../support/provider.ts';

// The page of examples, run as it stands: only the address is another one.

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGE = readFileSync(`${ROOT}docs/clients.md`, 'utf8');
const EXAMPLES = [...PAGE.matchAll(/```(sh|ts)\n([^]*?)```\n\n```text\n([^]*?)```/g)].map(
  ([, language, code, prints], i) => ({
    name: `${i + 1}: ${language}`,
    language,
    code: code!,
    prints: prints!,
  }),
);
const COMMANDS: Record<string, [string, string[]]> = {
  sh: ['bash', ['-euo', 'pipefail', '-c']],
  ts: [process.execPath, ['--input-type=module-typescript', '--disable-warning=ExperimentalWarning', '-e']],
};

const FACT = 'Refunds are paid within five working days.';
const says = (prompt: string) => (prompt.includes(FACT) ? `${FACT} [1]` : answerTo(prompt));

let provider: Provider;
let service: Booted;

beforeAll(async () => {
  provider = await startProvider({ nonces: false, says });
  service = await boot({ LLM_PROVIDERS: 'only', ONLY_BASE_URL: provider.url, ONLY_MODEL: 'large' });
});
afterAll(async () => {
  await service?.close();
  await provider?.stop();
});

async function run(language: string, code: string): Promise<string> {
  const [command, args] = COMMANDS[language]!;
  const child = spawn(command, [...args, code.replaceAll('http://127.0.0.1:8000', service.url)], {
    cwd: ROOT,
  });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  await new Promise((resolve) => child.once('close', resolve));
  return said;
}

describe('The examples for clients', () => {
  it('are all of those with a code block that can be run', () => {
    expect(EXAMPLES).toHaveLength([...PAGE.matchAll(/```(sh|ts)\n/g)].length);
  });

  it.each(EXAMPLES)('print what they say: $name', async ({ language, code, prints }) => {
    // A document can be found by its vectors a moment after it was taken in.
    await eventuallyHolds(async () => expect(await run(language!, code)).toBe(prints));
  });
});
