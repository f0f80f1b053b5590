import type { Mode } from '../search/search.service.js';
import { mentions } from '../search/mentions.js';
import type { Content, LikedContent, PopularContent } from './contents.repository.js';

/** Why a document is among the recommendations. */
export type Grounds =
  /** It was found by what the user is after. `text` is the passage. */
  | { at: 'profile'; by: Mode; text: string; terms: readonly string[] }
  /** It was found by something that the user liked. */
  | { at: 'liked'; by: Mode; liked: LikedContent }
  /** By what other users thought of it lately, or for being new. */
  | ({ at: 'popular' } & Pick<PopularContent, 'likes' | 'viewers'>);

export interface Recommendation {
  document_id: string;
  external_id: string | null;
  title: string;
  score: number;
  found_by: Grounds['at'];
  reason: string;
  metadata: Record<string, unknown>;
}

export function recommendationOf(content: Content, score: number, grounds: Grounds): Recommendation {
  const { id, external_id, title, metadata } = content;
  return {
    document_id: id,
    external_id,
    title,
    score,
    found_by: grounds.at,
    reason: reasonFor(content, grounds),
    metadata,
  };
}

/** From what is known and nothing else: what the document says, what it was found by, and how many users said what. */
function reasonFor({ title, metadata }: Content, grounds: Grounds): string {
  if (grounds.at === 'liked') return `${NEAR[grounds.by]} “${grounds.liked.title}”, which the user liked.`;
  if (grounds.at === 'profile') {
    const said = [title, grounds.text, ...wordsIn(metadata)].join('\n');
    const named = grounds.terms.filter((term) => mentions(said, term));
    if (named.length > 0) return `Speaks of ${listed(named)}, which the user’s profile or patterns name.`;
    return `${NEAR[grounds.by]} the user’s profile and patterns.`;
  }
  const { likes, viewers } = grounds;
  if (likes > 0) return `Liked by ${likes} ${likes === 1 ? 'user' : 'users'}.`;
  if (viewers > 0) return `Viewed by ${viewers} ${viewers === 1 ? 'user' : 'users'}.`;
  return 'Among the newest that the user has not seen.';
}

const NEAR: Record<Mode, string> = {
  hybrid: 'By words and vectors among the nearest to',
  vector: 'By vectors among the nearest to',
  keyword: 'Shares words with',
};

function wordsIn(metadata: Record<string, unknown>): string[] {
  return Object.values(metadata)
    .flat()
    .filter((value) => typeof value === 'string');
}

const NAMED_MAX = 5;

function listed(words: readonly string[]): string {
  const shown = words.slice(0, NAMED_MAX);
  return shown.length === 1 ? shown[0]! : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)!}`;
}
