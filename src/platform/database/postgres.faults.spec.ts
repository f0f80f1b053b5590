import { SchemaBehind } from './migrations.js';
import type { Reason } from '../../resilience/dependency-error.js';
import { OutcomeUnknown } from './database.js';
import { classifyPostgres } from './postgres.faults.js';

const coded = (code: string, message = 'words that may be in any language') =>
  Object.assign(new Error(message), { code });

describe('classifyPostgres', () => {
  it.each<[what: string, error: unknown, reason: Reason, transient: boolean]>([
    ['a write on a replica', coded('25006'), 'read_only', false],
    ['a user that may not connect', coded('28000'), 'unauthorized', false],
    ['a wrong password', coded('28P01'), 'unauthorized', false],
    ['a database that is not there', coded('3D000'), 'unauthorized', false],
    ['a server out of memory', coded('53200'), 'overloaded', true],
    ['too many connections', coded('53300'), 'pool_exhausted', true],
    ['a statement that the server ended', coded('57014'), 'timeout', true],
    ['a restart', coded('57P01'), 'unreachable', true],
    ['a crash', coded('57P02'), 'unreachable', true],
    ['a server that is still starting', coded('57P03'), 'unreachable', true],
    ['a broken connection', coded('08006'), 'unreachable', true],
    ['any other fault of the connection', coded('08P01'), 'unreachable', true],
    ['an input/output error of the server', coded('58030'), 'failed', false],
    ['corrupt data', coded('XX001'), 'failed', false],
    ['nobody listening', coded('ECONNREFUSED'), 'unreachable', true],
    ['a certificate that nobody vouches for', coded('DEPTH_ZERO_SELF_SIGNED_CERT'), 'unauthorized', false],
    ['a server without TLS', new Error('The server does not support SSL connections'), 'unauthorized', false],
    [
      'a commit that was not replied to',
      new OutcomeUnknown(new Error('Connection terminated unexpectedly')),
      'unreachable',
      true,
    ],
    ['a socket that is not there', coded('ENOENT'), 'unreachable', true],
    ['a host that is not known', coded('ENOTFOUND'), 'unreachable', true],
    ['a connection that was reset', coded('ECONNRESET'), 'unreachable', true],
    ['a connection that died of silence', coded('ETIMEDOUT'), 'hung', true],
    [
      'a server that accepts and says nothing',
      new Error('Connection terminated due to connection timeout'),
      'hung',
      true,
    ],
    ['a server that does not answer a query', new Error('Query read timeout'), 'hung', true],
    ['a connection that ended', new Error('Connection terminated unexpectedly'), 'unreachable', true],
    [
      'a connection that broke before',
      new Error('Client has encountered a connection error and is not queryable'),
      'unreachable',
      true,
    ],
    [
      'a pool that is closed',
      new Error('Cannot use a pool after calling end on the pool'),
      'unreachable',
      true,
    ],
    ['a source that is not open', new Error('Driver not Connected'), 'unreachable', true],
    [
      'a query runner that lost its client',
      new Error('Query runner has already been released'),
      'unreachable',
      true,
    ],
  ])('takes %s for what it is', (_what, error, reason, transient) => {
    expect(classifyPostgres(error)).toMatchObject({ reason, transient });
    expect(classifyPostgres(error)).not.toHaveProperty('counts');
  });

  it.each<[what: string, error: unknown, reason: Reason]>([
    ['a serialization failure', coded('40001'), 'overloaded'],
    ['a deadlock', coded('40P01'), 'overloaded'],
    ['a lock that was not to be had in time', coded('55P03'), 'overloaded'],
    ['no free connection', new Error('timeout exceeded when trying to connect'), 'pool_exhausted'],
  ])('takes %s for what will pass, and for no sign of sickness', (_what, error, reason) => {
    expect(classifyPostgres(error)).toMatchObject({ reason, transient: true, counts: false });
  });

  it.each([
    [coded('3D000'), 'unknown_database'],
    [coded('53200'), 'out_of_memory'],
    [coded('53300'), 'max_connections'],
    [coded('55P03'), 'locks'],
    [coded('40P01'), 'locks'],
    [new Error('The server does not support SSL connections'), 'tls'],
  ])('says more of it where the reason alone does not tell what to mend: %s, %s', (error, cause) => {
    expect(classifyPostgres(error)?.cause).toBe(cause);
  });

  it('takes a full disk for what it is: no sign that reading is sick', () => {
    expect(classifyPostgres(coded('53100'))).toEqual({
      reason: 'storage_full',
      transient: false,
      counts: false,
    });
  });

  it('looks into the errors that others wrap', () => {
    const wrapped = Object.assign(new Error('QueryFailedError'), { driverError: coded('57014') });
    expect(classifyPostgres(wrapped)?.reason).toBe('timeout');
    const both = new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')]);
    expect(classifyPostgres(both)?.reason).toBe('unreachable');
    expect(classifyPostgres(Object.assign(new Error('outer'), { driverError: wrapped }))?.reason).toBe(
      'timeout',
    );
  });

  it('goes by the code where words would say something else', () => {
    expect(classifyPostgres(coded('28P01', 'Connection terminated unexpectedly'))?.reason).toBe(
      'unauthorized',
    );
  });

  it.each([
    ['a value that is there twice', coded('23505')],
    ['a syntax error', coded('42601')],
    ['a row that another tenant may not see', coded('42501')],
    ['a number out of range', coded('22003')],
    ['an error of our own', new TypeError('x is not a function')],
    ['an AggregateError of nothing', new AggregateError([])],
    ['something that is no error', 'timeout exceeded when trying to connect'],
    ['nothing', undefined],
    ['null', null],
  ])('holds %s against nobody', (_what, error) => {
    expect(classifyPostgres(error)).toBeUndefined();
  });

  it.each([
    ['ENETUNREACH', 'unreachable'],
    ['EMFILE', 'unreachable'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'unreachable'],
    ['57P05', 'unreachable'],
    ['58P01', 'failed'],
    ['XX000', 'failed'],
  ])('takes %s, which is about the line or the server, for a fault', (code, reason) => {
    expect(classifyPostgres(Object.assign(new Error('lost'), { code }))).toMatchObject({
      reason,
      transient: true,
    });
  });

  it.each(['42P01', '42703', '42883'])('takes %s for a schema of another version', (code) => {
    const schema = { reason: 'schema', transient: false, counts: false };
    expect(classifyPostgres(Object.assign(new Error('not there'), { code }))).toEqual(schema);
    expect(classifyPostgres(new SchemaBehind())).toEqual(schema);
  });

  it.each(['23505', '22001', '42601'])('takes %s for what it is about: the statement', (code) => {
    expect(classifyPostgres(Object.assign(new Error('wrong'), { code }))).toBeUndefined();
  });
});
