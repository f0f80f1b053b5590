import { Fleet, type Word } from '../../src/resilience/fleet.js';

/** Replicas that say what the test says. */
export class FakeFleet extends Fleet {
  readonly told: { topic: string; word: Word }[] = [];
  private readonly listeners = new Map<string, (word: Word) => void>();

  tell(topic: string, word: Word): void {
    this.told.push({ topic, word });
  }

  hear(topic: string, listener: (word: Word) => void): () => void {
    this.listeners.set(topic, listener);
    return () => this.listeners.delete(topic);
  }

  say(topic: string, word: Word): void {
    this.listeners.get(topic)?.(word);
  }
}
