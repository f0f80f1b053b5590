import { integer, setting } from './setting.js';

/** Answers that are remembered, conversations, and texts that are read while they are written. */
export const textSettings = {
  ANSWER_CACHE_SIZE: setting(integer(0, 10_000_000), '10000', {
    group: 'Texts',
    unit: 'entries',
    description: 'How many answers are remembered, for when no model can answer; 0 remembers none.',
  }),
  ANSWER_CACHE_TTL: setting(integer(1, 31_536_000), '86400', {
    group: 'Texts',
    unit: 's',
    description: 'How long an answer is remembered, if its documents stay as they are.',
  }),
  CHAT_HISTORY_TOKENS: setting(integer(0, 100_000), '1500', {
    group: 'Texts',
    unit: 'tokens',
    description: 'How much of a conversation a model is told of at most; what was said before is summed up.',
  }),
  ESCALATION_SLA_S: setting(integer(1, 31_536_000), '3600', {
    group: 'Texts',
    unit: 's',
    description: 'In what time a person is to have claimed a conversation that was escalated.',
  }),
  STREAM_HEARTBEAT_MS: setting(integer(100, 600_000), '10000', {
    group: 'Texts',
    unit: 'ms',
    description: 'How long a stream of events may be silent before it shows that it is alive.',
  }),
  STREAMS_PER_TENANT_MAX: setting(integer(1, 100_000), '200', {
    group: 'Texts',
    unit: 'streams',
    description: 'How many streams of events one process keeps open for one business_id.',
  }),
};
