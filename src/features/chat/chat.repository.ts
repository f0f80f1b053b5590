import { Injectable } from '@nestjs/common';
import { Database, type Transaction } from '../../platform/database/database.js';
import type { Reply } from './chat.schemas.js';
import type { Said } from './history.js';

export interface SessionRecord {
  id: string;
  user_id: string | null;
  metadata: Record<string, unknown>;
  messages: number;
  created_at: Date;
}

/** What is known of a conversation when something new is said in it. */
export interface Conversation {
  summary: string;
  /** What was said since the summary, oldest first. */
  said: Said[];
  /** How many of the last replies in a row found no answer. */
  unanswered: number;
}

export interface MessageRecord {
  id: string;
  role: 'user' | 'assistant';
  content: string;
  reply: Omit<Reply, 'message_id' | 'content'> | null;
  created_at: Date;
}

// As far back as is looked for what was not summed up yet.
const SAID_MAX = 200;

/** Conversations as rows. Every statement names the tenant. */
@Injectable()
export class ChatRepository {
  constructor(private readonly database: Database) {}

  async open(
    tx: Transaction,
    businessId: string,
    { id, userId, metadata }: { id: string; userId: string | undefined; metadata: Record<string, unknown> },
  ): Promise<void> {
    await tx.query(`insert into chat_sessions (id, business_id, user_id, metadata) values ($1, $2, $3, $4)`, [
      id,
      businessId,
      userId ?? null,
      JSON.stringify(metadata),
    ]);
  }

  async find(businessId: string, id: string): Promise<SessionRecord | undefined> {
    return this.read('find a conversation', businessId, async (tx) => {
      const [found] = await tx.query<SessionRecord>(
        `select s.id, s.user_id, s.metadata, s.created_at,
           (select count(*)::int from chat_messages m where m.business_id = s.business_id and m.session_id = s.id) as messages
         from chat_sessions s where s.business_id = $1 and s.id = $2`,
        [businessId, id],
      );
      return found;
    });
  }

  async conversation(businessId: string, sessionId: string): Promise<Conversation | undefined> {
    return this.read('read a conversation', businessId, async (tx) => {
      const [session] = await tx.query<{ summary: string; summarised_to: string | null }>(
        'select summary, summarised_to from chat_sessions where business_id = $1 and id = $2',
        [businessId, sessionId],
      );
      if (session === undefined) return undefined;
      const said = await tx.query<Said & { answered: boolean }>(
        `select id, role, content, answered from chat_messages
         where business_id = $1 and session_id = $2 and ($3::uuid is null or id > $3) order by id desc limit $4`,
        [businessId, sessionId, session.summarised_to, SAID_MAX],
      );
      const replies = said.filter(({ role }) => role === 'assistant');
      const answered = replies.findIndex((reply) => reply.answered);
      return {
        summary: session.summary,
        said: said.toReversed(),
        unanswered: answered === -1 ? replies.length : answered,
      };
    });
  }

  /** What somebody said, and what he was told: both or neither. */
  async exchange(
    tx: Transaction,
    businessId: string,
    sessionId: string,
    {
      messageId,
      content,
      reply: { message_id: id, content: answer, ...reply },
      answered,
    }: { messageId: string; content: string; reply: Reply; answered: boolean },
  ): Promise<void> {
    await tx.query(
      `insert into chat_messages (id, business_id, session_id, role, content, reply, answered)
       values ($1, $3, $4, 'user', $5, null, true), ($2, $3, $4, 'assistant', $6, $7, $8)`,
      [messageId, id, businessId, sessionId, content, answer, JSON.stringify(reply), answered],
    );
  }

  /** Oldest first. */
  async messages(
    businessId: string,
    sessionId: string,
    after: string | undefined,
    limit: number,
  ): Promise<MessageRecord[]> {
    return this.read('list messages', businessId, (tx) =>
      tx.query<MessageRecord>(
        `select id, role, content, reply, created_at from chat_messages
         where business_id = $1 and session_id = $2 and ($3::uuid is null or id > $3) order by id limit $4`,
        [businessId, sessionId, after ?? null, limit],
      ),
    );
  }

  /** @param from the summary that the new one rests on: of two who sum up at once, the second is of the past */
  async summarise(
    businessId: string,
    sessionId: string,
    { summary, to, from }: { summary: string; to: string; from: string },
  ): Promise<void> {
    await this.database.transaction(
      'sum up a conversation',
      (tx) =>
        tx.query(
          `update chat_sessions set summary = $3, summarised_to = $4
           where business_id = $1 and id = $2 and summary = $5`,
          [businessId, sessionId, summary, to, from],
        ),
      { businessId },
    );
  }

  private read<T>(operation: string, businessId: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.database.transaction(operation, work, { businessId, idempotent: true });
  }
}
