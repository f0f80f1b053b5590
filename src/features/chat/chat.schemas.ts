import { z } from 'zod';
import { businessId, cursor, id, limit, nonBlank, text } from '../../http/fields.js';
import { QUERY_CHARACTERS_MAX } from '../search/search.schemas.js';
import { streamFlag, writtenShape } from '../writing/writing.schemas.js';
import { INTENTS } from './intent.js';

const PAGE = 50;
const PAGE_MAX = 200;

export const newSession = z
  .strictObject({
    business_id: businessId().optional(),
    user_id: nonBlank(200).optional(),
    metadata: z.record(text(200), z.unknown()).default({}),
  })
  .meta({ id: 'NewChatSession', examples: [{ user_id: 'ada', metadata: { channel: 'web' } }] });

export const sessionId = z.strictObject({ id: id() });
export const sessionCreated = z.strictObject({ session_id: id() }).meta({ id: 'ChatSessionCreated' });

const escalationStatus = z.enum(['open', 'claimed', 'resolved']);

export const escalation = z
  .strictObject({
    id: id(),
    session_id: id(),
    reason: z
      .string()
      .describe('requested, low_confidence, repeated_failure, model, or what somebody gave as one'),
    status: escalationStatus,
    created_at: z.iso.datetime(),
    due_at: z.iso.datetime().describe('By when somebody is to have claimed it'),
    overdue: z.boolean(),
    claimed_at: z.iso.datetime().nullable(),
    resolved_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Escalation' });

export type EscalationView = z.output<typeof escalation>;

export const session = z
  .strictObject({
    session_id: id(),
    user_id: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()),
    messages: z.number().int(),
    escalation: escalation.nullable().describe('The one that is not resolved'),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'ChatSession' });

export const newMessage = z
  .strictObject({
    business_id: businessId().optional(),
    content: nonBlank(QUERY_CHARACTERS_MAX),
    stream: streamFlag(),
  })
  .meta({ id: 'NewChatMessage', examples: [{ content: 'When are refunds paid?' }] });

export const reply = z
  .strictObject({
    message_id: id(),
    content: z.string().describe('[n] points at the citation with that n'),
    intent: z.strictObject({
      name: z.enum(INTENTS),
      confidence: z.number(),
      by: z.enum(['model', 'rules']),
    }),
    ...writtenShape,
    escalation: z.strictObject({ id: id(), reason: z.string() }).nullable(),
  })
  .meta({ id: 'ChatReply' });

export type Reply = z.output<typeof reply>;

export const message = z
  .strictObject({
    message_id: id(),
    role: z.enum(['user', 'assistant']),
    content: z.string(),
    reply: reply.omit({ message_id: true, content: true }).nullable().describe('null for what the user said'),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'ChatMessage' });

export const messagesQuery = z.strictObject({
  business_id: businessId().optional(),
  limit: limit(PAGE, PAGE_MAX),
  cursor: cursor().optional(),
});

export const messages = z.strictObject({ data: z.array(message), next_cursor: z.string().nullable() });

export const escalateRequest = z
  .strictObject({ business_id: businessId().optional(), reason: nonBlank(1_000) })
  .meta({ id: 'EscalateRequest', examples: [{ reason: 'The customer wants to speak to a person.' }] });

export const escalationsQuery = messagesQuery.extend({ status: escalationStatus.optional() });
export const escalations = z.strictObject({ data: z.array(escalation), next_cursor: z.string().nullable() });
export const escalationChange = z
  .strictObject({
    business_id: businessId().optional(),
    status: z.enum(['claimed', 'resolved'], { error: 'must be claimed or resolved' }),
  })
  .meta({ id: 'EscalationChange', examples: [{ status: 'claimed' }] });
