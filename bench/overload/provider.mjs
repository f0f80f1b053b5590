import { createServer } from 'node:http';

// A model that thinks for a tenth of a second, however many ask it. Prints its address.
const THINK_MS = 100;
const ANSWER = JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'local',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'The lamp burns colza oil in winter [1].' },
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 },
});

const server = createServer((request, response) => {
  request.resume().on('end', () => {
    setTimeout(() => response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER), THINK_MS);
  });
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${server.address().port}/v1\n`));
