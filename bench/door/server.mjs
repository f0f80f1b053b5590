import { createServer } from 'node:http';
import { Agent, request } from 'undici';

// A provider that answers at once, or, given the address of one, a server that passes each request on to it and its reply
// back, and does nothing else: what the way through any process costs.
const upstream = process.argv[2];
const agent = new Agent({ connections: 256 });
const WORDS = 'The lamp burns colza oil in winter, and whale oil in summer, when the nights are short.'.split(
  ' ',
);
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
const STREAM = [
  chunk({ role: 'assistant', content: '' }),
  ...WORDS.map((word) => chunk({ content: `${word} ` })),
  chunk({}, 'stop'),
  `data: ${JSON.stringify({ ...facts, object: 'chat.completion.chunk', choices: [], usage })}\n\n`,
  'data: [DONE]\n\n',
];

async function answer(message, response) {
  const chunks = [];
  for await (const bytes of message) chunks.push(bytes);
  const { stream } = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString());
  if (stream !== true) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(WHOLE);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of STREAM) response.write(event);
  response.end();
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
