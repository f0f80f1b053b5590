import { Injectable, Logger } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { AppError } from '../../kernel/app-error.js';
import { Deadline } from '../../kernel/deadline.js';
import { newId } from '../../kernel/ids.js';
import type { StreamEvent } from '../../kernel/stream-event.js';
import type { Transaction } from '../../platform/database/database.js';
import { Idempotency, type Once } from '../../platform/database/idempotency.js';
import type { Draft } from '../../platform/llm/llm.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { events } from '../../telemetry/events.js';
import { Metrics } from '../../telemetry/metrics.js';
import type { Material, Source } from '../writing/library.js';
import { eventsOf, factsOf, retold } from '../writing/telling.js';
import { type Task, Writer, type Written } from '../writing/writer.js';
import { Assistant } from './assistant.js';
import {
  ChatRepository,
  type Conversation,
  type MessageRecord,
  type SessionRecord,
} from './chat.repository.js';
import type { Reply } from './chat.schemas.js';
import { type EscalationReason, reasonToEscalate } from './escalation.js';
import { type EscalationRecord, EscalationsRepository } from './escalations.repository.js';
import { type History, within } from './history.js';
import type { Judgement } from './intent.js';

const SUMMARY_BUDGET_MS = 60_000;

/** A message on its way to a reply. */
interface Exchange {
  businessId: string;
  sessionId: string;
  /** Of what was said: it comes before that of the reply. */
  messageId: string;
  content: string;
  conversation: Conversation;
  history: History;
  material: Material;
  task: Task<Source>;
  judged: Promise<Judgement>;
}

/** Conversations: what is said in them is stored together with the reply, and any replica can go on with any of them. */
@Injectable()
export class Chat {
  private readonly logger = new Logger(Chat.name);

  constructor(
    private readonly repository: ChatRepository,
    private readonly escalations: EscalationsRepository,
    private readonly assistant: Assistant,
    private readonly writer: Writer,
    private readonly idempotency: Idempotency,
    private readonly settings: Settings,
    private readonly metrics: Metrics,
  ) {}

  async open(
    businessId: string,
    about: { userId: string | undefined; metadata: Record<string, unknown> },
    key?: string,
  ): Promise<string> {
    return this.idempotency.once(
      'open a conversation',
      async (tx) => {
        const id = newId();
        await this.repository.open(tx, businessId, { id, ...about });
        return id;
      },
      { businessId, key, request: { chat: about } },
    );
  }

  /** @throws AppError not_found */
  async find(
    businessId: string,
    id: string,
  ): Promise<{ session: SessionRecord; escalation: EscalationRecord | undefined }> {
    const session = (await this.repository.find(businessId, id)) ?? missing(id);
    return { session, escalation: await this.escalations.ofSession(businessId, id) };
  }

  /** @throws AppError not_found */
  async messages(
    businessId: string,
    id: string,
    after: string | undefined,
    limit: number,
  ): Promise<MessageRecord[]> {
    if ((await this.repository.find(businessId, id)) === undefined) missing(id);
    return this.repository.messages(businessId, id, after, limit);
  }

  /** When this resolves, what was said and the reply are stored. @throws AppError not_found */
  async say(businessId: string, sessionId: string, content: string, key?: string): Promise<Reply> {
    const once = { businessId, key, request: { chat: sessionId, content } };
    const earlier = await this.idempotency.earlier<Reply>(once);
    if (earlier !== undefined) return earlier;
    const exchange = await this.begin(businessId, sessionId, content);
    return this.store(exchange, await this.writer.write(exchange.task), once);
  }

  /** The same as it is written. It is stored before the last event. @param draft of an earlier reading that was cut off */
  async *stream(
    businessId: string,
    sessionId: string,
    content: string,
    draft: Draft,
    key?: string,
  ): AsyncGenerator<StreamEvent> {
    const once = { businessId, key, request: { chat: sessionId, content } };
    const earlier = await this.idempotency.earlier<Reply>(once);
    if (earlier !== undefined) {
      const { content: text, ...rest } = earlier;
      yield* retold(text, rest, draft);
      return;
    }
    const exchange = await this.begin(businessId, sessionId, content);
    yield* eventsOf(this.writer.stream(exchange.task, draft), exchange.material, async (written) => {
      const { content: _text, ...rest } = await this.store(exchange, written, once);
      return rest;
    });
  }

  private async begin(businessId: string, sessionId: string, content: string): Promise<Exchange> {
    const conversation = (await this.repository.conversation(businessId, sessionId)) ?? missing(sessionId);
    const history = within(this.settings.CHAT_HISTORY_TOKENS, conversation.summary, conversation.said);
    // Beside the reply: it is needed only when that is there.
    const judged = this.assistant.judge(content, history.turns);
    judged.catch(() => {});
    const material = await this.assistant.find(businessId, content);
    const task = this.assistant.taskOf(content, history.turns, material);
    const messageId = newId();
    return { businessId, sessionId, messageId, content, conversation, history, material, task, judged };
  }

  /** Stores what was said and the reply, and passes the conversation on to a person where there is a reason to. */
  private async store(exchange: Exchange, written: Written<Source>, once: Once): Promise<Reply> {
    const { businessId, sessionId, messageId, content, conversation, material, judged } = exchange;
    const judgement = await judged;
    const { intent } = judgement;
    const answered = written.sources.length > 0 || intent.name !== 'question';
    const reason = reasonToEscalate(judgement, answered ? 0 : conversation.unanswered + 1);
    const replyId = newId();
    const stored = await this.idempotency.once(
      'store a message',
      async (tx) => {
        const escalation = await this.escalation(tx, businessId, sessionId, reason);
        const reply: Reply = {
          message_id: replyId,
          content: written.text,
          intent,
          ...factsOf(written, material),
          escalation: escalation === undefined ? null : { id: escalation.id, reason: escalation.reason },
        };
        await this.repository.exchange(tx, businessId, sessionId, { messageId, content, reply, answered });
        this.metrics.count('answers', { level: written.level, retrieval: material.retrieval });
        return reply;
      },
      { ...once, patient: true },
    );
    this.sumUp(exchange);
    return stored;
  }

  /** The one that is under way, or a new one where there is a reason for it. */
  private async escalation(
    tx: Transaction,
    businessId: string,
    sessionId: string,
    reason: EscalationReason | undefined,
  ): Promise<EscalationRecord | undefined> {
    if (reason === undefined) return this.escalations.underWay(tx, businessId, sessionId);
    return this.escalations.add(tx, businessId, { sessionId, reason, slaS: this.settings.ESCALATION_SLA_S });
  }

  /**
   * What does not fit any more is summed up for the next message, which nobody waits for: should it be lost, the next
   * message finds the same to do.
   */
  private sumUp({ businessId, sessionId, conversation: { summary }, history: { beyond } }: Exchange): void {
    const to = beyond.at(-1)?.id;
    if (to === undefined) return;
    const deadline = new Deadline(SUMMARY_BUDGET_MS);
    const work = async () => {
      const summed = await this.assistant.sumUp(summary, beyond);
      if (summed !== undefined)
        await this.repository.summarise(businessId, sessionId, { summary: summed, to, from: summary });
    };
    void deadline
      .run(work)
      .catch((error: unknown) => {
        if (error instanceof DependencyError) return; // whoever says something next tries it again
        this.logger.error(
          { event: events.requestFailed, err: error },
          'A conversation could not be summed up',
        );
      })
      .finally(() => deadline.release());
  }
}

function missing(id: string): never {
  throw new AppError('not_found', `There is no conversation ${id}`);
}
