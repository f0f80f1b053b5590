import { createServer } from 'node:http';

// A model that thinks for a tenth of a second, however many ask it, and then says all at once. Prints its address.
const THINK_MS = 100;
const facts = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'local' };
const event = (delta, finish_reason) =>
  `data: ${JSON.stringify({ ...facts, choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
const text = 'The lamp burns colza oil in winter [1].';
const ANSWER = `${event({ role: 'assistant', content: text }, null)}${event({}, 'stop')}data: [DONE]\n\n`;

const server = createServer((request, response) => {
  request.resume().on('end', () => {
    setTimeout(() => response.writeHead(200, { 'content-type': 'text/event-stream' }).end(ANSWER), THINK_MS);
  });
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}/v1\n`));
