import { Injectable } from '@nestjs/common';
import { AppError } from '../../kernel/app-error.js';
import { Database, type Transaction } from '../../platform/database/database.js';
import { Idempotency } from '../../platform/database/idempotency.js';
import { type DocumentChange, DocumentWriter, type PreparedDocument } from '../knowledge/document.writer.js';
import { documentOf, type NewQuestion, type Origin } from './question.js';
import { type QuestionRecord, QuestionsRepository, type QuestionsWhere } from './questions.repository.js';

/** A question that can be stored: nothing but SQL is needed for it. */
export interface PreparedQuestion {
  question: NewQuestion & Origin;
  document: PreparedDocument;
}

/**
 * Keeps questions. Each is a row and a document, written in one transaction: it is found, embedded, rebuilt and removed as
 * every other document is.
 */
@Injectable()
export class Questions {
  constructor(
    private readonly repository: QuestionsRepository,
    private readonly documents: DocumentWriter,
    private readonly database: Database,
    private readonly idempotency: Idempotency,
  ) {}

  /**
   * Takes questions in that somebody wrote, all of them or none. When this resolves they can be suggested.
   * @param key under which the client may send them again and get the same answer
   * @returns their ids, in order
   */
  async accept(businessId: string, questions: readonly NewQuestion[], key?: string): Promise<string[]> {
    const prepared = await this.prepare(questions, { source: 'stored', model: null });
    const changes: DocumentChange[] = [];
    const ids = await this.idempotency.once(
      'store questions',
      async (tx) => {
        changes.push(...(await this.storeIn(tx, businessId, prepared)));
        return changes.map(({ id }) => id);
      },
      { businessId, key, request: { questions } },
    );
    await this.documents.committed(businessId, changes);
    return ids;
  }

  async prepare(questions: readonly NewQuestion[], origin: Origin): Promise<PreparedQuestion[]> {
    return Promise.all(
      questions.map(async (question) => ({
        question: { ...question, ...origin },
        document: await this.documents.prepare(documentOf(question, origin)),
      })),
    );
  }

  /** @returns the changes to hand to `DocumentWriter.committed`; their ids are the questions', in order */
  async storeIn(
    tx: Transaction,
    businessId: string,
    prepared: readonly PreparedQuestion[],
  ): Promise<DocumentChange[]> {
    const changes: DocumentChange[] = [];
    for (const { document } of prepared) changes.push(await this.documents.storeIn(tx, businessId, document));
    const rows = prepared.map(({ question }, i) => ({ ...question, id: changes[i]!.id }));
    await this.repository.store(tx, businessId, rows);
    return changes;
  }

  /** @throws AppError not_found */
  async find(businessId: string, id: string): Promise<QuestionRecord> {
    return (await this.repository.find(businessId, id)) ?? missing(id);
  }

  list(businessId: string, where: QuestionsWhere): Promise<QuestionRecord[]> {
    return this.repository.list(businessId, where);
  }

  /** From the moment that this resolves it is suggested no more. @throws AppError not_found */
  async remove(businessId: string, id: string): Promise<void> {
    const removed = await this.database.transaction(
      'remove a question',
      async (tx) => {
        const isThere = await this.repository.hold(tx, businessId, id);
        return (isThere ? await this.documents.removeIn(tx, businessId, id) : undefined) ?? missing(id);
      },
      { businessId },
    );
    await this.documents.committed(businessId, [removed]);
  }
}

function missing(id: string): never {
  throw new AppError('not_found', `There is no question ${id}`);
}
