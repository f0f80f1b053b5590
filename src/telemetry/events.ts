/** The name of every event in the log, as its field `event`: what an operator searches for and an alert matches. */
export const events = {
  bootStep: 'boot.step',
  bootReady: 'boot.ready',
  bootFailed: 'boot.failed',
  drainStarted: 'drain.started',
  drainEnded: 'drain.ended',
  dependencyChanged: 'dependency.changed',
  accessOpen: 'access.open',
  requestFailed: 'request.failed',
  jobFailed: 'job.failed',
  jobsTrouble: 'jobs.trouble',
  jobsReleased: 'jobs.released',
  documentFailed: 'document.failed',
  documentsRequeued: 'documents.requeued',
} as const;
