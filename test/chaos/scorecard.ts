import { told } from './judge.js';
import type { Naive } from './naive.js';
import type { Score } from './score.js';
import type { Result } from './trial.js';

type Column = [title: string, value: (score: Score) => string];

const ms = (n: number | null) => (n === null ? '–' : String(Math.round(n)));
const one = (n: number | null) => (n === null ? '–' : n.toFixed(1));
const sum = (counts: Record<string, number>) => Object.values(counts).reduce((a, b) => a + b, 0);

const COLUMNS: readonly Column[] = [
  ['requests', (s) => String(s.requests)],
  ['failed', (s) => String(sum(s.failed))],
  ['wrong', (s) => String(sum(s.wrong))],
  ['p50', (s) => ms(s.p50)],
  ['p99', (s) => ms(s.p99)],
  ['max', (s) => ms(s.max)],
  ['known p99', (s) => ms(s.p99Known)],
  ['detect', (s) => ms(s.detectMs)],
  ['first OK', (s) => ms(s.recoverMs)],
  ['last bad', (s) => ms(s.lastBadMs)],
  [
    'calls/s',
    (s) => one(s.callsKnown === null || s.knownForMs === 0 ? null : (1_000 * s.callsKnown) / s.knownForMs),
  ],
  ['lost', (s) => String(s.balance.lost)],
  ['twice', (s) => String(s.balance.doubled + s.balance.repeated)],
  ['lines', (s) => `${s.lines}/${s.changes}`],
];

const NAME_WIDTH = 32;
const INDENT = ' '.repeat(NAME_WIDTH + 5);

export function head(): string {
  const titles = COLUMNS.map(([title]) => title.padStart(widthOf(title))).join(' ');
  return `${'times in ms'.padEnd(NAME_WIDTH)}       ${titles}`;
}

export function lineOf({ row, score, breaches }: Result): string {
  const cells = COLUMNS.map(([title, value]) => value(score).padStart(widthOf(title))).join(' ');
  const lines = [`${row.name.padEnd(NAME_WIDTH)} ${breaches.length === 0 ? 'green' : 'RED  '} ${cells}`];
  if (sum(score.failed) > 0) lines.push(`${INDENT}  failed: ${told(score.failed)}`);
  if (breaches.length > 0) lines.push(`${INDENT}  slowest: ${score.slowest.join('; ')}`);
  for (const breach of breaches) lines.push(`${INDENT}✗ ${breach.seen}`);
  return lines.join('\n');
}

export function naiveLine({ requests, shed, ours, theirs, breaches }: Naive): string {
  const verdict = breaches.length === 0 ? 'green' : 'RED  ';
  const told = `${requests} requests at 200/s, ${shed} shed, every call fails: ${ours.toFixed(2)} calls a request; the SDK by itself ${theirs.toFixed(2)}`;
  return [
    `${'llm-primary/beside a naive stack'.padEnd(NAME_WIDTH)} ${verdict} ${told}`,
    ...breaches.map((breach) => `${INDENT}✗ ${breach.seen}`),
  ].join('\n');
}

function widthOf(title: string): number {
  return Math.max(title.length, 6);
}
