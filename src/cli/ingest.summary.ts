import type { Outcome } from './ingest.js';
import { bold, type Shell } from './shell.js';

export interface Summary {
  folder: string;
  collection: string;
  url: string;
  /** Why it ended early; null when it did not. */
  stopped: string | null;
  counts: Record<Outcome['outcome'], number> & { files: number; not_tried: number };
  chunks: number;
  took_ms: number;
  documents: Outcome[];
}

export function summarize(
  facts: Pick<Summary, 'folder' | 'collection' | 'url' | 'stopped' | 'took_ms'>,
  files: number,
  outcomes: readonly Outcome[],
): Summary {
  const count = (outcome: Outcome['outcome']) => outcomes.filter((o) => o.outcome === outcome).length;
  return {
    ...facts,
    counts: {
      files,
      taken: count('taken'),
      unchanged: count('unchanged'),
      waiting: count('waiting'),
      not_taken: count('not_taken'),
      not_tried: files - outcomes.length,
    },
    chunks: outcomes.reduce((sum, { chunk_count = 0 }) => sum + chunk_count, 0),
    documents: outcomes.toSorted((a, b) => (a.file < b.file ? -1 : 1)),
  };
}

/** Whether every file is where it should be. */
export function isComplete({ counts, stopped }: Summary, waited: boolean): boolean {
  return (
    stopped === null && counts.not_taken === 0 && counts.not_tried === 0 && !(waited && counts.waiting > 0)
  );
}

export function printSummary(shell: Shell, summary: Summary, waited: boolean): void {
  const { counts, stopped, documents, folder, chunks, took_ms } = summary;
  const of = (outcome: Outcome['outcome']) => documents.filter((d) => d.outcome === outcome);
  shell.out(
    bold(
      `${folder}: ${counts.files} ${counts.files === 1 ? 'file' : 'files'}, ${chunks} chunks, ${(took_ms / 1_000).toFixed(1)} s`,
    ),
  );
  line(shell, counts.taken, 'taken');
  line(shell, counts.unchanged, 'unchanged');
  const late = waited && stopped === null;
  line(
    shell,
    counts.waiting,
    late ? 'taken, and not ready in time:' : 'taken, and processed while a service runs',
  );
  if (late) list(shell, of('waiting'));
  line(shell, counts.not_taken, 'not taken:');
  list(shell, of('not_taken'));
  line(shell, counts.not_tried, 'not tried');
  if (stopped !== null) shell.out('Run the same command again to go on where it stopped.');
  else if (late && counts.waiting > 0) shell.out('Run the same command again to see what became of them.');
}

function line(shell: Shell, count: number, what: string): void {
  if (count > 0) shell.out(`${String(count).padStart(6)} ${what}`);
}

function list(shell: Shell, outcomes: readonly Outcome[]): void {
  for (const { file, reason } of outcomes)
    shell.out(`${' '.repeat(9)}${file}${reason === undefined ? '' : `: ${reason}`}`);
}
