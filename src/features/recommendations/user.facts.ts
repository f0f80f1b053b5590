/** What a client says of a user: in a pattern, which is kept, or in a request's profile. */
export interface UserFacts {
  interests: readonly string[];
  skills: readonly string[];
  goals: readonly string[];
  role?: string | undefined;
  viewed: readonly string[];
  seen: readonly string[];
  liked: readonly string[];
  disliked: readonly string[];
}

export type Verdict = 'viewed' | 'liked' | 'disliked';

// So many say what somebody is after; further ones of older patterns only blur it.
const TERMS_MAX = 30;

/** What the user is after, the profile's own before the patterns', which come newest first. Each once, in any case. */
export function termsOf(facts: readonly UserFacts[]): string[] {
  const terms = facts.flatMap(({ interests, skills, goals, role }) => [
    ...interests,
    ...skills,
    ...goals,
    ...(role === undefined ? [] : [role]),
  ]);
  const distinct = new Map<string, string>();
  for (const term of terms) {
    const plain = term.trim().replaceAll(/\s+/g, ' ');
    const key = plain.toLowerCase();
    if (plain !== '' && !distinct.has(key)) distinct.set(key, plain);
  }
  return [...distinct.values()].slice(0, TERMS_MAX);
}

/** What the user has seen, and what they thought of it. What is in several lists counts for the one that says most. */
export function verdictsOf({ viewed, seen, liked, disliked }: UserFacts): Map<string, Verdict> {
  const lists = [
    ['viewed', [...viewed, ...seen]],
    ['liked', liked],
    ['disliked', disliked],
  ] as const;
  return new Map(
    lists.flatMap(([verdict, contents]) =>
      contents.map((content) => [contentKey(content), verdict] as const),
    ),
  );
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Ids of documents are written small; an external_id is the client's, and stays as it is. */
function contentKey(content: string): string {
  return UUID.test(content) ? content.toLowerCase() : content;
}
