import { bootChild, type Child } from '../support/boot.js';
import { documents } from '../support/documents.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/folder.js';

const DOCUMENTS = 200;
const KILLS = 10;

/** Sends documents, one after the other, until all are acknowledged or the service is gone. @returns the ids acknowledged */
async function send(child: Child, from: number, acknowledged: Map<string, string>): Promise<void> {
  for (const document of documents(DOCUMENTS).slice(from)) {
    const reply = await child
      .api('POST', '/api/v1/documents', { ...document, external_id: document.title })
      .catch(() => undefined);
    if (reply === undefined) return;
    if (reply.status === 202) acknowledged.set(document.title, reply.body.id);
  }
}

describe('kill -9 in the middle of an ingest', () => {
  it(`loses none of ${DOCUMENTS} documents that it acknowledged, at ${KILLS} moments, and indexes each exactly once`, async () => {
    const folder = await temporaryFolder();
    const acknowledged = new Map<string, string>();
    // Delays drawn once, so that a failure can be repeated: from the middle of the first inserts to well into the embedding.
    const delaysMs = [5, 30, 60, 100, 150, 220, 300, 400, 550, 700];
    try {
      for (const delayMs of delaysMs.slice(0, KILLS)) {
        const child = bootChild({ DATA_DIR: folder.path });
        await child.ready();
        const sending = send(child, acknowledged.size, acknowledged);
        // The moment is what is tested: there is no condition to wait for.
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        child.kill('SIGKILL');
        await child.exited;
        await sending;
      }
      const last = bootChild({ DATA_DIR: folder.path });
      await last.ready();
      await send(last, acknowledged.size, acknowledged);
      expect(acknowledged.size).toBe(DOCUMENTS);

      const all = () => allOf(last);
      await eventually(async () => (await all()).every((d) => d.status === 'ready'), {
        timeoutMs: 90_000,
        everyMs: 250,
        what: 'Every document ready',
      });
      const stored = new Map((await all()).map((d) => [d.external_id, d.id]));
      for (const [title, id] of acknowledged) expect(stored.get(title)).toBe(id);
      expect(stored.size).toBe(DOCUMENTS);

      // Each exactly once, by words and by vectors.
      for (const title of [...acknowledged.keys()].filter((_, i) => i % 20 === 0)) {
        for (const mode of ['keyword', 'vector']) {
          const { hits } = (
            await last.api('POST', '/api/v1/search', { query: `${title} buoy`, mode, limit: 100 })
          ).body;
          expect(hits.filter((hit: { title: string }) => hit.title === title)).toHaveLength(1);
        }
      }
      expect((await last.api('GET', '/api/v1/jobs?stuck=true')).body.data).toEqual([]);
      last.kill('SIGTERM');
      expect((await last.exited).code).toBe(0);
    } finally {
      await folder.remove();
    }
  }, 240_000);
});

async function allOf(child: Child): Promise<{ id: string; external_id: string; status: string }[]> {
  const found: { id: string; external_id: string; status: string }[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const { body }: { body: { data: never[]; next_cursor: string | null } } = await child.api(
      'GET',
      `/api/v1/documents?limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`,
    );
    found.push(...body.data);
    cursor = body.next_cursor;
  }
  return found;
}
