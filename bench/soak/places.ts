import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { send } from '../support/clients.ts';

const TRIES = 10;
const BETWEEN_MS = 2_000;
const TOO_MANY = 429;
const BODY = {
  model: 'mainstay',
  stream: true,
  messages: [{ role: 'user', content: 'word '.repeat(40) }],
};

/**
 * How many of so many streams can be open at once, which tells from outside how many places were given back. They have to
 * hold theirs at the same time: as long as a model cannot be asked it is tried again.
 */
export async function openAtOnce(url: string, streams: number): Promise<number> {
  const agent = new Agent({ connections: streams, pipelining: 1 });
  try {
    for (let i = 1; ; i += 1) {
      const statuses = await Promise.all(
        Array.from({ length: streams }, async () => {
          const { statusCode, body } = await send(`${url}/v1/chat/completions`, BODY, { dispatcher: agent });
          await body.dump();
          return statusCode;
        }),
      );
      const others = statuses.filter((status) => status !== 200 && status !== TOO_MANY);
      if (others.length === 0) return statuses.filter((status) => status === 200).length;
      if (i === TRIES) throw new Error(`A model could not be asked: ${[...new Set(others)].join(', ')}`);
      await sleep(BETWEEN_MS);
    }
  } finally {
    await agent.close();
  }
}
