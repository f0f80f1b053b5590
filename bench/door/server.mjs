import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Agent, request } from 'undici';

// A provider that answers at once, or streams an event every so often; or, given the address of one (--upstream), a server
// that passes each request on to it and its reply back, and does nothing else: what the way through any process costs.
const { values: options } = parseArgs({
  options: {
    upstream: { type: 'string' },
    'every-ms': { type: 'string', default: '0' },
    events: { type: 'string', default: '0' },
  },
});
const { upstream } = options;
const [everyMs, events] = [Number(options['every-ms']), Number(options.events)];
const agent = new Agent({ connections: 2_048 });
const WORDS =
  'The lamp burns colza oil in winter, and whale oil in summer, when the nights are short [1].'.split(' ');
const facts = { id: 'chatcmpl-1', created: 1, model: 'local', system_fingerprint: 'fp' };
const usage = { prompt_tokens: 12, completion_tokens: WORDS.length, total_tokens: 12 + WORDS.length };
const message = { role: 'assistant', content: WORDS.join(' '), refusal: null };
const WHOLE = JSON.stringify({
  ...facts,
  object: 'chat.completion',
  choices: [{ index: 0, message, finish_reason: 'stop', logprobs: null }],
  usage,
});
const chunk = (delta, finish_reason = null) =>
  `data: ${JSON.stringify({ ...facts, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason, logprobs: null }] })}\n\n`;
const BEGIN = chunk({ role: 'assistant', content: '' });
const END = [
  chunk({}, 'stop'),
  `data: ${JSON.stringify({ ...facts, object: 'chat.completion.chunk', choices: [], usage })}\n\n`,
  'data: [DONE]\n\n',
];
const AT_ONCE = [BEGIN, ...WORDS.map((word) => chunk({ content: `${word} ` })), ...END];

async function answer(message, response) {
  const chunks = [];
  for await (const bytes of message) chunks.push(bytes);
  const { stream } = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
  if (stream !== true) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(WHOLE);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  if (events > 0) await drip(response);
  else for (const event of AT_ONCE) response.write(event);
  response.end();
}

/** Each event says when it was sent, on the clock that all processes of a machine share, in ms. */
async function drip(response) {
  response.write(BEGIN);
  for (let i = 0; i < events && !response.destroyed; i += 1) {
    await sleep(everyMs);
    response.write(chunk({ content: `@${(Number(process.hrtime.bigint()) / 1e6).toFixed(3)}@ ` }));
  }
  for (const event of END) response.write(event);
}

async function passOn(message, response) {
  const reply = await request(`${upstream}${message.url.slice('/v1'.length)}`, {
    dispatcher: agent,
    method: message.method,
    headers: { 'content-type': 'application/json' },
    body: message,
  });
  response.writeHead(reply.statusCode, { 'content-type': reply.headers['content-type'] });
  reply.body.pipe(response);
}

const server = createServer((message, response) => {
  void (upstream === undefined ? answer(message, response) : passOn(message, response));
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}/v1\n`));
