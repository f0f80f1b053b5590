import type { JobData } from '../../platform/jobs/jobs.js';

/** Embeds a version of a document. */
export const INGEST = 'ingest';

/** Fetches the page of a document, and leaves what it says to a job of the kind above. */
export const FETCH = 'fetch';

/** What both are about. */
export interface IngestData extends JobData {
  document_id: string;
  version: number;
  collection: string;
}
