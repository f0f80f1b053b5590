import type { Api } from './boot.js';
import { eventually } from './eventually.js';

/** A document as it is sent. */
export interface SentDocument {
  title: string;
  content: string;
  content_type?: string;
  external_id?: string;
  collection?: string;
  metadata?: Record<string, unknown>;
  business_id?: string;
}

/** A short Markdown document that nothing is special about. What a test is about it says itself. */
export function aDocument(overrides: Partial<SentDocument> = {}): SentDocument {
  return {
    title: 'Lighthouse keeping',
    content: `# Lighthouse keeping

The keeper trims the wick every four hours. The lamp burns colza oil.

## Fog

In fog the keeper sounds the horn twice a minute.
`,
    content_type: 'text/markdown',
    ...overrides,
  };
}

/** Documents that differ from each other in what they say. */
export function documents(count: number, overrides: Partial<SentDocument> = {}): SentDocument[] {
  return Array.from({ length: count }, (_, i) =>
    aDocument({
      title: `Station ${i}`,
      content: `# Station ${i}\n\nStation ${i} reports that buoy number ${i} was relit by keeper ${NAMES[i % NAMES.length]}.\n`,
      ...overrides,
    }),
  );
}

const NAMES = ['Ada', 'Ben', 'Cleo', 'Dov', 'Ewa', 'Finn', 'Gus'];

/** Sends a document and waits until it has settled. @returns the document as the service then shows it */
export async function ingest(
  api: Api,
  document: SentDocument,
  { timeoutMs = 20_000 } = {},
): Promise<{
  id: string;
  status: string;
  chunk_count: number;
  error: { code: string; message: string } | null;
}> {
  const reply = await api('POST', '/api/v1/documents', document);
  if (reply.status !== 202) throw new Error(`Not accepted: ${reply.status} ${JSON.stringify(reply.body)}`);
  const tenant =
    document.business_id === undefined ? '' : `?business_id=${encodeURIComponent(document.business_id)}`;
  return eventually(
    async () => {
      const { body } = await api('GET', `/api/v1/documents/${reply.body.id}${tenant}`);
      return body.status === 'ready' || body.status === 'failed' ? body : undefined;
    },
    { timeoutMs, what: `The end of document ${reply.body.id}` },
  );
}
