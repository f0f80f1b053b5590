import { z } from 'zod';
import { DIFFICULTIES, type NewQuestion, textKey } from './question.js';
import type { QuestionWish } from './question.writer.js';

// What a model writes is read no further than this, and no more often is a brace taken for the beginning of an object.
const CHARACTERS_MAX = 65_536;
const ATTEMPTS_MAX = 500;
// A shorter one asks nothing.
const TEXT_CHARACTERS_MIN = 10;

const words = (max: number) =>
  z
    .string()
    .transform((s) => s.replaceAll(/\s+/g, ' ').trim())
    .refine((s) => s !== '' && s.length <= max && s.isWellFormed() && !s.includes('\u0000'));

const draft = z.object({
  text: words(2_000).refine((s) => s.length >= TEXT_CHARACTERS_MIN),
  category: words(100),
  difficulty: z.string().toLowerCase().pipe(z.enum(DIFFICULTIES)),
  required_skills: z.array(words(100)).max(20).default([]),
});

/**
 * The questions in what a model wrote: JSON objects, each for itself, wherever they stand in it. One that is cut off, of
 * another difficulty than was asked for, or there already is left out.
 */
export function draftsIn(text: string, { role, difficulty, count, existing }: QuestionWish): NewQuestion[] {
  const known = new Set(existing.map(textKey));
  const drafts: NewQuestion[] = [];
  for (const value of objectsIn(text.slice(0, CHARACTERS_MAX))) {
    const { success, data } = draft.safeParse(value);
    if (!success || (difficulty !== undefined && data.difficulty !== difficulty)) continue;
    const key = textKey(data.text);
    if (known.has(key)) continue;
    known.add(key);
    drafts.push({ ...data, compatible_roles: [role] });
  }
  return drafts.slice(0, count);
}

/** Each object that holds no other: a list of them may be wrapped in whatever a model wraps it in. */
function* objectsIn(text: string): Generator {
  let attempts = 0;
  for (let at = text.indexOf('{'); at !== -1 && attempts < ATTEMPTS_MAX; at = text.indexOf('{', at + 1)) {
    attempts += 1;
    const end = endOfObject(text, at);
    if (end === undefined) continue;
    try {
      yield JSON.parse(text.slice(at, end));
    } catch {
      // No JSON, whatever it is.
    }
  }
}

/** @returns where the object ends that begins here; undefined when another begins first, or none ends */
function endOfObject(text: string, start: number): number | undefined {
  let quoted = false;
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text[at];
    if (quoted && character === '\\') at += 1;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === '{') return undefined;
    else if (!quoted && character === '}') return at + 1;
  }
  return undefined;
}
