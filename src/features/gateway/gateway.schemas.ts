import { z } from 'zod';
import { businessId, nonBlank } from '../../http/fields.js';

// Only what this service itself acts on is checked here: everything else is between the client and the provider, which says
// in its own words what it does not take.

const MODEL_CHARACTERS_MAX = 256;
const INPUTS_MAX = 2_048;
const INPUT =
  'must be a text, or a list of 1 to 2048 texts: lists of tokens are not taken here, send the text';

const model = () =>
  nonBlank(MODEL_CHARACTERS_MAX)
    .optional()
    .describe(
      'A model of GET /v1/models. `mainstay`, or nothing: whichever model can, in the order of the settings',
    );

export const chatRequest = z
  .looseObject({
    model: model(),
    messages: z
      .array(z.looseObject({ role: z.string({ error: 'must be a text' }) }), {
        error: 'must be a list of messages',
      })
      .min(1, 'must hold at least one message'),
    stream: z.boolean({ error: 'must be true or false' }).nullish(),
    stream_options: z.looseObject({}, { error: 'must be an object' }).nullish(),
    metadata: z
      .looseObject({
        knowledge: z
          .union([z.boolean(), z.enum(['true', 'false'])], { error: 'must be true or false' })
          .optional()
          .describe(
            'Grounds the answer in the documents of the tenant: it cites them, and ends with its sources. The metadata is then not passed on',
          ),
      })
      .nullish(),
    business_id: businessId().optional(),
  })
  .meta({
    id: 'ChatCompletionRequest',
    examples: [{ model: 'mainstay', messages: [{ role: 'user', content: 'When are refunds paid?' }] }],
  });

export type ChatRequest = z.output<typeof chatRequest>;

const usage = z.looseObject({ prompt_tokens: z.number().int(), total_tokens: z.number().int() }).optional();

export const chatResponse = z
  .looseObject({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: z.number().int(),
    model: z.string(),
    choices: z.array(
      z.looseObject({
        index: z.number().int(),
        message: z.looseObject({ role: z.literal('assistant'), content: z.string().nullable() }),
        finish_reason: z.string(),
      }),
    ),
    usage,
  })
  .meta({ id: 'ChatCompletion' });

export const embeddingRequest = z
  .looseObject({
    model: model(),
    input: z.union([z.string(), z.array(z.string()).min(1).max(INPUTS_MAX)], { error: INPUT }),
    encoding_format: z.enum(['float', 'base64'], { error: 'must be float or base64' }).optional(),
    dimensions: z
      .number({ error: 'must be a whole number, at least 1' })
      .int('must be a whole number, at least 1')
      .min(1, 'must be a whole number, at least 1')
      .optional(),
    business_id: businessId().optional(),
  })
  .meta({
    id: 'EmbeddingRequest',
    examples: [{ model: 'text-embedding-3-small', input: ['When are refunds paid?'] }],
  });

export const embeddingResponse = z
  .looseObject({
    object: z.literal('list'),
    model: z.string(),
    data: z.array(
      z.looseObject({
        object: z.literal('embedding'),
        index: z.number().int(),
        embedding: z.union([z.array(z.number()), z.string()]),
      }),
    ),
    usage,
  })
  .meta({ id: 'EmbeddingList' });

export const modelResponse = z
  .strictObject({
    id: z.string(),
    object: z.literal('model'),
    created: z.number().int(),
    owned_by: z.string().describe('The provider'),
  })
  .meta({ id: 'Model' });

export const modelsResponse = z
  .strictObject({ object: z.literal('list'), data: z.array(modelResponse) })
  .meta({ id: 'ModelList' });

export type ModelEntry = z.output<typeof modelResponse>;
