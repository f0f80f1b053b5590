import { Injectable } from '@nestjs/common';
import { Deadline, DeadlineExceeded } from '../../kernel/deadline.js';
import { SingleFlight } from '../../kernel/single-flight.js';
import { Database } from '../../platform/database/database.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { DocumentWriter } from '../knowledge/document.writer.js';
import { type Degradation, degradationOf } from '../search/degradations.js';
import { type NewQuestion, roleKeys, textKey } from './question.js';
import { type QuestionWish, QuestionWriter } from './question.writer.js';
import { type QuestionRecord, QuestionsRepository } from './questions.repository.js';
import { Questions } from './questions.service.js';

/** What came of it: new questions, and why there are not as many as were wished for. */
export interface Made {
  questions: QuestionRecord[];
  because: Degradation[];
}

// What is kept for storing them and for the answer, and at most this part of what is left.
const STORING_MS = 2_000;
const STORING_SHARE = 0.25;

/**
 * Has new questions written and stores them, marked as a model's. Whoever wishes for the same while it is being done waits
 * for that: fifty at once do not pay fifty times.
 */
@Injectable()
export class QuestionMaker {
  private readonly flights = new SingleFlight<Made>();

  constructor(
    private readonly writer: QuestionWriter,
    private readonly questions: Questions,
    private readonly repository: QuestionsRepository,
    private readonly documents: DocumentWriter,
    private readonly database: Database,
  ) {}

  /** Within the time of the request. That there are none is no error: it is said why. */
  async make(businessId: string, wish: QuestionWish): Promise<Made> {
    const { role, difficulty, jobDescription, count } = wish;
    const key = JSON.stringify([businessId, roleKeys([role]), difficulty, jobDescription, count]);
    // Whoever waits keeps the time to answer without them.
    const wait = async (flight: Promise<Made>) => (await inTime(() => flight)) ?? LATE;
    return this.flights.run(key, () => this.makeNow(businessId, wish), wait);
  }

  private async makeNow(businessId: string, wish: QuestionWish): Promise<Made> {
    const written = await inTime(() => this.writer.write(wish));
    if (written === undefined) return LATE;
    if (written.at === 'none') return { questions: [], because: written.because };
    try {
      const ids = await this.store(businessId, written.drafts, written.model);
      const stored = await this.repository.fitting(businessId, wish, ids);
      return { questions: ids.flatMap((id) => stored.get(id) ?? []), because: [] };
    } catch (error) {
      // What is not stored has no id, and is not suggested.
      if (!(error instanceof DependencyError)) throw error;
      return { questions: [], because: [degradationOf(error)] };
    }
  }

  /** @returns the ids of all of them, those that were there already included */
  private async store(businessId: string, drafts: readonly NewQuestion[], model: string): Promise<string[]> {
    const prepared = await this.questions.prepare(drafts, { source: 'generated', model });
    const { there, changes } = await this.database.transaction(
      'store generated questions',
      async (tx) => {
        // One after another: of two who write the same question at once, the second finds it there.
        await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
          JSON.stringify(['generated questions', businessId]),
        ]);
        const there = await this.repository.byText(
          tx,
          businessId,
          drafts.map(({ text }) => text),
        );
        const known = new Set(there.map(({ text }) => textKey(text)));
        const fresh = prepared.filter(({ question }) => !known.has(textKey(question.text)));
        return { there, changes: await this.questions.storeIn(tx, businessId, fresh) };
      },
      { businessId },
    );
    await this.documents.committed(businessId, changes);
    return [...there, ...changes].map(({ id }) => id);
  }
}

const LATE: Made = { questions: [], because: [{ dependency: 'llm', reason: 'timeout' }] };

/** Does the work within what the request can spare. @returns undefined when that was not enough */
async function inTime<T>(work: () => Promise<T>): Promise<T | undefined> {
  const request = Deadline.current();
  if (request === undefined) return work();
  const leftMs = request.remainingMs();
  const deadline = new Deadline(leftMs - Math.min(STORING_MS, STORING_SHARE * leftMs));
  const onEnd = () => deadline.abandon(request.signal.reason as Error);
  request.signal.addEventListener('abort', onEnd, { once: true });
  const over = Promise.withResolvers<undefined>();
  deadline.signal.addEventListener('abort', () => over.resolve(undefined), { once: true });
  try {
    const working = deadline.run(work).catch((error: unknown) => {
      if (error instanceof DeadlineExceeded && deadline.signal.aborted) return undefined;
      throw error;
    });
    return await Promise.race([working, over.promise]);
  } finally {
    request.signal.removeEventListener('abort', onEnd);
    deadline.release();
  }
}
