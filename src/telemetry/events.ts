/** The name of every event in the log, as its field `event`: what an operator searches for and an alert matches. */
export const events = {
  bootStep: 'boot.step',
  settingsWarning: 'settings.warning',
  bootListening: 'boot.listening',
  bootReady: 'boot.ready',
  bootFailed: 'boot.failed',
  drainStarted: 'drain.started',
  drainEnded: 'drain.ended',
  processWarning: 'process.warning',
  processCrashed: 'process.crashed',
  maintenanceChanged: 'maintenance.changed',
  metricsAbsent: 'metrics.absent',
  loadChanged: 'load.changed',
  circuitOrdered: 'circuit.ordered',
  dependencyChanged: 'dependency.changed',
  accessOpen: 'access.open',
  requestAnswered: 'request.answered',
  requestFailed: 'request.failed',
  cacheSlow: 'cache.slow',
  brokerChanged: 'broker.changed',
  brokerTrouble: 'broker.trouble',
  subscriberFailed: 'subscriber.failed',
  jobFailed: 'job.failed',
  jobsTrouble: 'jobs.trouble',
  jobsReleased: 'jobs.released',
  documentFailed: 'document.failed',
  documentsRequeued: 'documents.requeued',
  indexReconciled: 'index.reconciled',
  indexTrouble: 'index.trouble',
} as const;

const counter = (name: string, help: string, ...labels: string[]) =>
  ({ kind: 'counter', name, help, labels }) as const;
const gauge = (name: string, help: string, ...labels: string[]) =>
  ({ kind: 'gauge', name, help, labels }) as const;
const histogram = (name: string, help: string, buckets: readonly number[], ...labels: string[]) =>
  ({ kind: 'histogram', name, help, labels, buckets }) as const;

const FAST_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const SLOW_S = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Every metric, with the labels that it has. Their values are names of ours: their number is bounded. */
export const metrics = {
  requests: counter('http_requests_total', 'Requests answered', 'method', 'route', 'status'),
  requestSeconds: histogram('http_request_duration_seconds', 'Time to the answer', SLOW_S, 'method', 'route'),
  rateLimited: counter('http_rate_limited_total', 'Requests refused for being too many', 'policy'),
  shed: counter('http_shed_total', 'Requests refused because of too much to do', 'lane', 'importance'),
  overloaded: gauge('http_overloaded', '1 while requests are refused because of too much to do', 'lane'),
  activeRequests: gauge(
    'http_requests_active',
    'Requests that wait for this process and its stores alone',
    'lane',
  ),
  activeLimit: gauge('http_requests_active_limit', 'How many may be active before any is refused', 'lane'),
  requestsUnderWay: gauge('http_requests_in_flight', 'Requests that are being answered'),
  answers: counter('answers_total', 'Answers by the level that they had', 'level', 'retrieval'),
  calls: counter('dependency_calls_total', 'Calls by how they ended', 'dependency', 'outcome'),
  callSeconds: histogram('dependency_call_duration_seconds', 'Time of a call', FAST_S, 'dependency'),
  faults: counter('dependency_faults_total', 'Calls and checks that failed, by why', 'dependency', 'reason'),
  retries: counter('dependency_retries_total', 'Calls that were tried again', 'dependency'),
  checks: counter('dependency_checks_total', 'Background checks by how they ended', 'dependency', 'result'),
  outageSeconds: histogram(
    'dependency_outage_seconds',
    'How long a dependency was not up',
    [1, 5, 15, 60, 300, 900, 3_600],
    'dependency',
  ),
  up: gauge('dependency_up', '1 up, 0.5 degraded, 0 down', 'dependency'),
  circuit: gauge('dependency_circuit', '1 for the state that the circuit is in', 'dependency', 'state'),
  poolConnections: gauge('database_pool_connections', 'Connections of the pool', 'dependency', 'state'),
  poolWaiting: gauge('database_pool_waiting', 'Callers that wait for a connection', 'dependency'),
  poolAcquireSeconds: gauge(
    'database_pool_acquire_seconds',
    'How long the last callers waited for a connection (95th percentile)',
    'dependency',
  ),
  replicaLagSeconds: gauge(
    'database_replica_lag_seconds',
    'How far the read replica may be behind',
    'dependency',
  ),
  jobs: gauge('jobs', 'Jobs of all tenants', 'kind', 'state'),
  projectionLagSeconds: gauge('projection_lag_seconds', 'Age of the oldest change that the index lacks'),
  points: gauge('vector_collection_points', 'Points in a collection', 'collection'),
  vectorSearchSeconds: histogram('vector_search_duration_seconds', 'Time of a search by vectors', FAST_S),
  embeddingSeconds: histogram('embedding_generation_duration_seconds', 'Time to embed a batch', SLOW_S),
  embeddingErrors: counter('embedding_generation_errors_total', 'Batches that could not be embedded'),
  tokens: counter('llm_tokens_total', 'Tokens, as the providers count them', 'provider', 'direction'),
  ready: gauge('service_ready', '1 while readiness is 200'),
} as const;
