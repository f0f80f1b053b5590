import { z } from 'zod';
import { text } from './fields.js';

// JSON keeps its own limit on the whole body; this one keeps a row's metadata from being a document of its own.
const METADATA_BYTES_MAX = 65_536;
const METADATA_DEPTH_MAX = 20;

// A value costs two bytes at the least: with more of them than this it cannot be small enough.
const METADATA_VALUES_MAX = METADATA_BYTES_MAX / 2;

/** What a client keeps with a thing: any JSON object that every store can keep, and that is not too large. */
export const metadata = () =>
  z.record(z.string(), z.unknown(), { error: 'must be an object' }).superRefine(bounded);

/** The same check for an object of which some keys are known. */
export function bounded(value: object, context: z.RefinementCtx): void {
  const problem = problemOf(value);
  if (problem !== undefined) context.addIssue({ code: 'custom', ...problem });
}

interface Visit {
  key: string;
  value: unknown;
  depth: number;
  within: Visit | undefined;
}

/**
 * What of a metadata value cannot be kept. It is hostile until shown otherwise: it is walked without recursion, no further
 * than what could be small enough, and measured only then.
 */
function problemOf(metadata: object): { path: string[]; message: string } | undefined {
  const left: Visit[] = [{ key: '', value: metadata, depth: 0, within: undefined }];
  let visited = 0;
  for (let visit = left.pop(); visit !== undefined; visit = left.pop()) {
    const { key, value, depth } = visit;
    visited += 1;
    if (visited + left.length > METADATA_VALUES_MAX) return TOO_LARGE;
    if (depth > METADATA_DEPTH_MAX) {
      const message = `must not be nested deeper than ${METADATA_DEPTH_MAX} levels`;
      return { path: pathOf(visit).slice(0, 1), message };
    }
    for (const words of [key, typeof value === 'string' ? value : '']) {
      if (words.length > METADATA_BYTES_MAX) return TOO_LARGE;
      const { error } = anyText.safeParse(words);
      if (error !== undefined) return { path: pathOf(visit), message: error.issues[0]!.message };
    }
    if (typeof value !== 'object' || value === null) continue;
    const inner = Object.entries(value);
    if (visited + left.length + inner.length > METADATA_VALUES_MAX) return TOO_LARGE;
    for (const [k, v] of inner) left.push({ key: k, value: v, depth: depth + 1, within: visit });
  }
  return Buffer.byteLength(JSON.stringify(metadata)) > METADATA_BYTES_MAX ? TOO_LARGE : undefined;
}

const TOO_LARGE = { path: [], message: `must have at most ${METADATA_BYTES_MAX} bytes as JSON` };

function pathOf(visit: Visit): string[] {
  const path: string[] = [];
  for (let v: Visit | undefined = visit; v?.within !== undefined; v = v.within) path.unshift(v.key);
  return path;
}

const anyText = text(METADATA_BYTES_MAX);
