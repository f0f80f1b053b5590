import type {
  ChatCompletionChunk,
  ChatCompletionCreateParams,
  ChatCompletionMessageFunctionToolCall,
} from 'openai/resources';

type Asked = Pick<ChatCompletionCreateParams, 'messages' | 'tools' | 'response_format'>;

/** The call that it answers with where it has tools and was not told a result yet: the first tool, with the prompt as each argument. */
export function toolCallFor(
  { messages, tools }: Asked,
  prompt: string,
  id: string,
): ChatCompletionMessageFunctionToolCall | undefined {
  const [tool] = tools ?? [];
  if (tool?.type !== 'function' || messages.at(-1)!.role === 'tool') return undefined;
  const filled = fill(tool.function.parameters, prompt);
  return { id, type: 'function', function: { name: tool.function.name, arguments: JSON.stringify(filled) } };
}

/** A call in the pieces that it is streamed in: who is called first, and then the arguments, a few characters at a time. */
export function piecesOf(call: ChatCompletionMessageFunctionToolCall): ChatCompletionChunk.Choice.Delta[] {
  const { id, type } = call;
  const { name, arguments: all } = call.function;
  const parts = all.match(/[^]{1,9}/g) ?? [];
  return [
    { tool_calls: [{ index: 0, id, type, function: { name, arguments: '' } }] },
    ...parts.map((part) => ({ tool_calls: [{ index: 0, function: { arguments: part } }] })),
  ];
}

/** What it says where its answer must be JSON of a schema: the prompt in each text. */
export function structuredAnswer({ response_format: format }: Asked, prompt: string): string | undefined {
  if (format?.type !== 'json_schema') return undefined;
  return JSON.stringify(fill(format.json_schema.schema, prompt));
}

function fill(schema: unknown, prompt: string): unknown {
  const { type, properties, items } = (schema ?? {}) as {
    type?: string;
    properties?: Record<string, unknown>;
    items?: unknown;
  };
  if (type === 'object')
    return Object.fromEntries(
      Object.entries(properties ?? {}).map(([name, property]) => [name, fill(property, prompt)]),
    );
  if (type === 'array') return [fill(items, prompt)];
  if (type === 'number' || type === 'integer') return prompt.length;
  return type === 'boolean' ? true : prompt;
}
