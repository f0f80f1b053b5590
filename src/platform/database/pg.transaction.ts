import type pg from 'pg';
import { OutcomeUnknown, type Transaction } from './database.js';
import type { HardClient } from './hard.client.js';

/** The transaction as its work sees it, and only for as long as it lasts. */
export class OpenTransaction implements Transaction {
  #over = false;
  #failure: unknown;

  /** @param statementMs how long each statement is waited for, where that is not what the pool says */
  constructor(
    private readonly client: HardClient,
    private readonly statementMs?: number,
  ) {}

  async query<Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    // The connection is somebody else's by now: what came late would be done in his transaction, or in none.
    if (this.#over) throw new Error('The transaction is over: this statement came too late and was not sent');
    try {
      return await rows<Row>(this.client, sql, parameters, this.statementMs);
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** @throws OutcomeUnknown; Error when a statement failed and the work went on regardless */
  async commit(): Promise<void> {
    this.#over = true;
    const { command } = await this.client.query('commit').catch((error: unknown) => {
      // What the server itself refuses (a deferred constraint, a serialization failure) it has rolled back.
      throw isReply(error) ? error : new OutcomeUnknown(error);
    });
    // So the server answers when there is nothing to commit any more, and it calls that no error.
    if (command !== 'ROLLBACK') return;
    throw new Error('A statement of the transaction failed, so nothing of it was kept', {
      cause: this.#failure,
    });
  }

  end(): void {
    this.#over = true;
  }
}

/** Past TypeORM's own query method: of several statements in one text it returns nothing. */
export async function rows<Row>(
  client: HardClient,
  sql: string,
  parameters: readonly unknown[],
  statementMs?: number,
): Promise<Row[]> {
  const query = { text: sql, values: [...parameters], query_timeout: statementMs };
  const results = (await client.query(query as pg.QueryConfig)) as pg.QueryResult | pg.QueryResult[];
  return (Array.isArray(results) ? results : [results]).flatMap((result) => result.rows as Row[]);
}

/** Errors that the server sent carry a severity. After FATAL (57P01) it is gone, and nobody knows how far it came. */
function isReply(error: unknown): boolean {
  return (error as { severity?: unknown }).severity === 'ERROR';
}
