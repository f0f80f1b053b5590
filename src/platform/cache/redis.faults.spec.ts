import { AttemptTimeout } from '../../resilience/policy.js';
import { Crowded, NoReply, NotConnected, redisFault, TooSlow, withoutArguments } from './redis.faults.js';

const replied = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });
const socket = (code: string) => Object.assign(new Error(`connect ${code}`), { code });
const reasonOf = (error: unknown) => redisFault(error)?.reason;

// The words are those of Redis 7.0 and ioredis 5.11.
describe('What an error of Redis means', () => {
  it.each([
    ["READONLY You can't write against a read only replica.", 'read_only', true],
    ['NOREPLICAS Not enough good replicas to write.', 'read_only', true],
    ['LOADING Redis is loading the dataset in memory', 'overloaded', true],
    ['BUSY Redis is busy running a script.', 'overloaded', true],
    ['ERR max number of clients reached', 'overloaded', true],
    ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", 'unreachable', true],
    ['CLUSTERDOWN The cluster is down', 'unreachable', true],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'storage_full', false],
    ['MISCONF Redis is configured to save RDB snapshots', 'storage_full', false],
    ['NOAUTH Authentication required.', 'unauthorized', false],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'unauthorized', false],
    ["NOPERM this user has no permissions to run the 'set' command", 'unauthorized', false],
    ['MOVED 3999 127.0.0.1:6381', 'bad_reply', false],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'failed', false],
    ['ERR DB index is out of range', 'failed', false],
  ])('tells %s', (message, reason, transient) =>
    expect(redisFault(replied(message))).toMatchObject({ reason, transient }),
  );

  it.each([
    ['LOADING Redis is loading the dataset in memory', 'loading'],
    ['ERR max number of clients reached', 'max_connections'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'out_of_memory'],
  ])('tells what to mend where the reason alone does not: %s', (message, cause) =>
    expect(redisFault(replied(message))?.cause).toBe(cause),
  );

  it.each([
    ['ECONNREFUSED', 'unreachable'],
    ['ECONNRESET', 'unreachable'],
    ['EPIPE', 'unreachable'],
    ['ENOTFOUND', 'unreachable'],
    ['EAI_AGAIN', 'unreachable'],
    ['ETIMEDOUT', 'hung'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'unauthorized'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'unauthorized'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unauthorized'],
    ['CERT_HAS_EXPIRED', 'unauthorized'],
    ['EPROTO', 'bad_reply'],
  ])('tells %s of the socket', (code, reason) => expect(reasonOf(socket(code))).toBe(reason));

  it.each([
    'Connection is closed.',
    "Stream isn't writeable and enableOfflineQueue options is false",
    "Cluster isn't ready and enableOfflineQueue options is false",
    'Command aborted due to connection close',
    'None of startup nodes is available',
    'All sentinels are unreachable and retry is disabled. Last error: connect ECONNREFUSED',
  ])('takes the words of the library for what they mean: %s', (message) =>
    expect(reasonOf(new Error(message))).toBe('unreachable'),
  );

  it('looks behind the words for what led to them', () => {
    expect(reasonOf(new NotConnected(replied('NOAUTH Authentication required.')))).toBe('unauthorized');
    expect(reasonOf(new NotConnected(new AttemptTimeout(1_500)))).toBe('hung');
    expect(reasonOf(new NotConnected(undefined))).toBe('unreachable');
    const refresh = Object.assign(new Error('Failed to refresh slots cache.'), {
      name: 'ClusterAllFailedError',
    });
    expect(reasonOf(refresh)).toBe('unreachable');
    expect(reasonOf(Object.assign(refresh, { lastNodeError: replied('NOAUTH') }))).toBe('unauthorized');
    const round = new Error('Too many Cluster redirections. Last error: ReplyError: MOVED 1 127.0.0.1:1');
    expect(reasonOf(round)).toBe('bad_reply');
    expect(reasonOf(Object.assign(new Error('Protocol error'), { name: 'ParserError' }))).toBe('bad_reply');
  });

  it('holds a silence against the server, and a crowd against nobody', () => {
    expect(redisFault(new NoReply(250))).toEqual({ reason: 'hung', transient: true });
    expect(redisFault(new Crowded(50))).toEqual({ reason: 'overloaded', transient: true, counts: false });
  });

  it('says what to do about a server that is too far away', () => {
    expect(reasonOf(new TooSlow(300.4, 250))).toBe('slow');
    expect(new TooSlow(300.4, 250).message).toMatch(
      /300 ms.*REDIS_COMMAND_TIMEOUT_MS gives it 250: set it to 1505/,
    );
  });

  it('takes what it does not know for a fault, and no mistake of ours', () => {
    expect(reasonOf(new Error('something new'))).toBe('failed');
    expect(redisFault(new TypeError('not a function'))).toBeUndefined();
    expect(redisFault('a text')).toBeUndefined();
  });

  it('takes the words of the command out of an error, and leaves any other as it is', () => {
    const error = Object.assign(replied('ERR'), { command: { name: 'auth', args: ['secret'] } });
    expect(withoutArguments(error)).not.toHaveProperty('command');
    expect(withoutArguments('a text')).toBe('a text');
  });
});
