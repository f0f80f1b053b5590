/** What is told: plain values, as JSON has them. */
export type Word = Readonly<Record<string, string | number | boolean | null>>;

/**
 * The other replicas of this service. What they are told may be lost, and each of them must get along without it: a check
 * that need not be made because another has just made it, an operator's word that reaches all of them at once.
 */
export abstract class Fleet {
  /** Tells the others. There is no telling whether anybody heard. */
  abstract tell(topic: string, word: Word): void;

  /** @param listener told of what others say, never of one's own word @returns what ends that */
  abstract hear(topic: string, listener: (word: Word) => void): () => void;
}
