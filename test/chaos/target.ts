import type { FaultProxy } from '../support/fault-proxy.js';
import type { Provider } from '../support/provider.js';

export type TargetName = 'postgres' | 'redis' | 'qdrant' | 'llm-primary' | 'llm-all' | 'embeddings';

/** A server that can die, and, where it is a process of its own, be stopped in mid-air. */
export interface Process {
  kill(): Promise<void>;
  restart(): Promise<void>;
  pause?(): void;
  resume?(): void;
}

/** Something that the service depends on, and what can be done to it. */
export interface Target {
  name: TargetName;
  /** The names that the service shows it under in readiness. */
  shownAs: RegExp;
  /** The lines between the service and it. */
  lines: readonly FaultProxy[];
  processes: readonly Process[];
  providers: readonly Provider[];
}
