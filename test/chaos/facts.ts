import { randomInt } from 'node:crypto';
import type { Client, Reply } from './client.js';
import { eventually } from '../support/eventually.js';

/** Something that one tenant's document says and no other's: an answer is right when it rests on it. */
export interface Fact {
  tenant: string;
  documentId: string;
  title: string;
  question: string;
  /** A word that stands in this document alone. */
  answer: string;
}

// No vowels: no stemmer changes such a word, and no language has it.
const LETTERS = 'bcdfghjkmnpqrtvwxz';

export function nonce(length = 9): string {
  return Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join('');
}

/**
 * Gives two tenants documents on the same things that say different ones of them: each is the canary of the other. A reply
 * to one that shows a word of the other has crossed the tenants.
 */
export async function plant(client: Client, tenants: readonly string[], count: number): Promise<Fact[]> {
  // Two words that no other document has: all else they say alike.
  const stations = Array.from({ length: count }, () => `${nonce()} ${nonce()}`);
  const facts: Fact[] = [];
  for (const tenant of tenants) {
    for (const station of stations) {
      const answer = nonce();
      const title = `Station ${station}`;
      const reply = await client.call('POST', '/api/v1/documents', {
        title,
        content: `Keeper ${answer} lights the lamp of station ${station}.\n`,
        business_id: tenant,
      });
      if (reply.status !== 202) throw new Error(`A fact was not taken: ${JSON.stringify(reply.body)}`);
      const question = `Which keeper lights the lamp of station ${station}?`;
      facts.push({ tenant, documentId: reply.body.id as string, title, question, answer });
    }
  }
  return facts;
}

/** Resolves when the vectors of every document of the tenants are in the index. */
export async function settled(client: Client, tenants: readonly string[], timeoutMs: number): Promise<void> {
  for (const tenant of tenants) {
    await eventually(
      async () => {
        const { body } = await client.call('GET', `/api/v1/documents?limit=200&business_id=${tenant}`);
        return (body.data as { status: string }[]).every(({ status }) => status === 'ready');
      },
      { timeoutMs, everyMs: 100, what: `Every document of ${tenant} ready` },
    );
  }
}

/** What is wrong with a reply that says that it is right; undefined when nothing is. */
export type Falsehood =
  'other_tenant' | 'wrong_passage' | 'no_passage' | 'wrong_document' | 'silent_degradation';

/** @param others what other tenants' documents alone say */
export function falsehoodOf(
  op: 'search' | 'answer' | 'read',
  fact: Fact,
  { body }: Reply,
  others: readonly string[],
): Falsehood | undefined {
  const said = JSON.stringify(body);
  if (others.some((word) => said.includes(word))) return 'other_tenant';
  if (op === 'read') return body.title === fact.title ? undefined : 'wrong_document';
  const found = (op === 'search' ? body.hits : body.citations) as { document_id: string; text: string }[];
  if (found.length === 0) return 'no_passage';
  // Beside the right passage there may be others that are near: a search shows them, and sentences are quoted from them.
  const right = found.some(
    ({ document_id, text }) => document_id === fact.documentId && text.includes(fact.answer),
  );
  const told = op === 'search' || (body.answer as string).includes(fact.answer);
  return right && told ? undefined : 'wrong_passage';
}

/** At which level a reply was given: the worst that it says of itself. */
export function levelOf({ body }: Reply): string {
  return [body.answer_level, body.retrieval].filter((level) => level !== undefined).join('/');
}
