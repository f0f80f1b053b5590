import type { Cause } from '../resilience/cause.js';

/** What may be the matter: with a dependency, or with this process itself. */
export type AnyCause = Cause | 'event_loop_blocked' | 'clock_jump' | 'overload';

/** One cause, for whoever has to mend it. `docs/runbooks.md` is made of these. */
export interface Runbook {
  /** What it is, in a sentence. */
  meaning: string;
  /** What to do first. `{dependency}` is its name, `{setting}` the setting that says where it is. */
  fix: string;
  /** What shows whether it is really that. */
  look: string;
  /** How one knows that it is over. */
  over: string;
}

const UP = 'Its status in diagnostics is `up`, and `root_cause` is null.';

export const RUNBOOKS: Record<AnyCause, Runbook> = {
  refused: {
    meaning: 'Nobody listens at its address.',
    fix: 'Start it, or correct {setting}; then `npm run cli -- check`.',
    look: 'Whether its process runs, and whether a connection from this machine to its host and port is accepted.',
    over: UP,
  },
  lost: {
    meaning: 'Connections to it are cut: it was restarted, or something in between ends them.',
    fix: 'Look at its log for a restart or a crash; if there is none, at what stands between it and this process ({setting}).',
    look: 'Its uptime and its log, and the log of a proxy or balancer before it.',
    over: UP,
  },
  hung: {
    meaning: 'It accepts connections and does not answer.',
    fix: 'Look at its log, its load and its disk, and restart it if it does not recover ({setting} says where it is).',
    look: 'Whether its process runs but uses no CPU (stopped), all of it (spinning) or waits for its disk.',
    over: UP,
  },
  dns: {
    meaning: 'The name of its host cannot be resolved.',
    fix: 'Check the host name in {setting} and the resolver of this machine (/etc/resolv.conf): `getent hosts <name>`.',
    look: 'Whether other names resolve. If none does, it is the resolver and not the name.',
    over: UP,
  },
  tls: {
    meaning:
      'TLS with it does not come about: its certificate is not trusted or has expired, or one side speaks no TLS.',
    fix: 'Renew its certificate, or make its authority known (NODE_EXTRA_CA_CERTS), or correct the scheme or sslmode in {setting}.',
    look: '`openssl s_client -connect <host>:<port>` shows the certificate, its dates and its issuer.',
    over: UP,
  },
  credentials: {
    meaning: 'It refuses the credentials: a wrong password, or a key that was revoked.',
    fix: 'Set the right user and password, or a new key, beside {setting}, and restart this process.',
    look: 'Whether the password or key was changed there lately.',
    over: UP,
  },
  unknown_database: {
    meaning: 'The server has no database of that name.',
    fix: 'Create the database, or correct its name in {setting}.',
    look: '`psql -l` on the server.',
    over: UP,
  },
  pool_exhausted: {
    meaning: 'This process has as many connections in use as it may have, and callers wait in vain for one.',
    fix: 'Find what holds them (`select pid, state, query from pg_stat_activity`); raise DB_POOL_SIZE only if the server has connections to spare.',
    look: '`pool` in diagnostics: `in_use` at the most, `waiting` above 0.',
    over: '`waiting` is 0.',
  },
  max_connections: {
    meaning: 'The server has no connection left for anybody.',
    fix: 'Find who holds them (`select usename, count(*) from pg_stat_activity group by 1`), lower DB_POOL_SIZE × REPLICAS, or raise max_connections.',
    look: 'The arithmetic that `npm run cli -- check` prints.',
    over: UP,
  },
  locks: {
    meaning: 'Statements wait for a lock that somebody holds.',
    fix: "Find who holds it (`select pid, pg_blocking_pids(pid), query from pg_stat_activity where wait_event_type = 'Lock'`) and end that transaction.",
    look: 'A migration or a session that is `idle in transaction`.',
    over: 'No statement of this service waits for a lock.',
  },
  read_only: {
    meaning: 'It may not be written to: it is a replica, or was made read-only.',
    fix: 'Point {setting} at the primary, or end the read-only state.',
    look: '`select pg_is_in_recovery()`, or `info replication` on Redis.',
    over: UP,
  },
  disk_full: {
    meaning: 'Its disk is full: what is there can be read, and nothing can be written.',
    fix: 'Make room on its disk, or give it a larger one.',
    look: '`df -h` on its machine; the size of its log and of its write-ahead log.',
    over: 'Writes succeed again; nothing has to be restarted.',
  },
  out_of_memory: {
    meaning: 'It has no memory left for what it is asked.',
    fix: 'Give it more memory, or less to keep (Redis: maxmemory and a policy that evicts).',
    look: '`info memory` on Redis; the log of the server.',
    over: UP,
  },
  loading: {
    meaning: 'It has been started and is still reading its data.',
    fix: 'Wait: it says by itself when it is done. If it starts again and again, look at its log.',
    look: '`info persistence` on Redis: loading_eta_seconds.',
    over: UP,
  },
  schema_behind: {
    meaning:
      'The tables are not those of this version: an older state was put back, or something was dropped.',
    fix: 'Start this service once more: it brings the schema up to date before it serves.',
    look: '`select name from migrations` beside the folder migrations/.',
    over: UP,
  },
  wrong_dimension: {
    meaning: 'The index holds vectors of another model or dimension than the embedder makes.',
    fix: 'Set the embedding model back, or make the index anew: `npm run cli -- rebuild`.',
    look: '`collections` in diagnostics beside `model` and `dimension` of the embeddings.',
    over: UP,
  },
  extension_missing: {
    meaning: 'It lacks a part that is needed, such as the extension pgvector.',
    fix: 'Install what the message names, or use another store for vectors (QDRANT_URL).',
    look: '`select name from pg_available_extensions`.',
    over: UP,
  },
  unknown_model: {
    meaning: 'The provider does not know the model that is asked for, or this key may not use it.',
    fix: 'Correct the model beside {setting}: the provider’s list of models shows those that the key may use.',
    look: '`GET <base URL>/models` with the same key.',
    over: UP,
  },
  quota: {
    meaning: 'What was paid for at the provider is used up.',
    fix: 'Add credit there, or name another provider in LLM_PROVIDERS.',
    look: 'The usage page of the provider’s account.',
    over: 'Within ten minutes of the payment it is used again, without a restart.',
  },
  rate_limited: {
    meaning: 'It asks for fewer calls.',
    fix: 'Ask for a higher limit, set its limits (<NAME>_RPM, <NAME>_TPM) to what it allows, or name another provider.',
    look: 'The rate of calls in diagnostics, and its own page of limits.',
    over: 'By itself, when the time that it named is over.',
  },
  slow: {
    meaning: 'It answers, and too slowly.',
    fix: 'Look at its load. For PostgreSQL: the slowest statements (pg_stat_statements).',
    look: '`latency_ms` in diagnostics beside what is usual.',
    over: 'Its latencies are as usual.',
  },
  overloaded: {
    meaning: 'It says that it has too much to do.',
    fix: 'Look at its load and give it more room, or send it less.',
    look: 'Its CPU, memory and queue.',
    over: UP,
  },
  bad_reply: {
    meaning: 'Its replies cannot be understood: something else stands at that address, or cuts them off.',
    fix: 'Check that {setting} names the thing itself and no page before it.',
    look: '`curl` to the address, and what comes back.',
    over: UP,
  },
  server_error: {
    meaning: 'It fails with errors of its own.',
    fix: 'Look at its log; its status page, where it is a service of others.',
    look: '`last_error` in diagnostics.',
    over: UP,
  },
  isolated: {
    meaning: 'An operator keeps callers away from it.',
    fix: 'When it is well again: `POST /api/v1/operations/circuits/{dependency}/reset`.',
    look: 'The log for `circuit.ordered`.',
    over: UP,
  },
  event_loop_blocked: {
    meaning:
      'This process stood still: something kept it from doing anything else. Everything it waits for seems slow.',
    fix: 'Give the container more CPU if it is throttled; otherwise find what computes for so long: start with `--cpu-prof`.',
    look: '`event_loop_delay_ms` and `load_1m` in diagnostics.',
    over: 'No standstill for twenty seconds.',
  },
  clock_jump: {
    meaning:
      'The clock of this machine was set. Circuits and time limits do not go by it; tokens and certificates do.',
    fix: 'Let one time service keep the clock (chrony, systemd-timesyncd), and look why it had to be set.',
    look: '`timedatectl`, or the log of the time service.',
    over: 'Five minutes without another jump.',
  },
  overload: {
    meaning: 'More is asked of this process than it can do. It does what it can, the most important first.',
    fix: 'Start another replica, or find who asks for so much (`request.answered` in the log) and limit it (RATE_LIMIT_REQUESTS, TENANT_RATE_LIMIT_REQUESTS).',
    look: '`load` in diagnostics: which lane, who is refused, and how many are under way. CPU at its limit (`cpu_share`) asks for replicas; a pool in use to the last connection, for a faster database.',
    over: 'Two seconds without a refusal; `overloaded_since` is null.',
  },
};
