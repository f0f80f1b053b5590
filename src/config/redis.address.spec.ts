import { redisAddress } from './redis.address.js';

describe('The address of Redis', () => {
  it.each([
    ['redis://cache', { kind: 'single', nodes: [{ host: 'cache', port: 6379 }], tls: false, db: 0 }],
    ['rediss://cache:7000/3', { kind: 'single', nodes: [{ host: 'cache', port: 7000 }], tls: true, db: 3 }],
    ['redis://[::1]:7000/', { kind: 'single', nodes: [{ host: '::1', port: 7000 }], tls: false, db: 0 }],
    [
      'redis://:p%40ss%3Aword@cache',
      { kind: 'single', nodes: [{ host: 'cache', port: 6379 }], tls: false, db: 0, password: 'p@ss:word' },
    ],
    [
      'redis+sentinel://me:secret@a,b:7000/main/2',
      {
        kind: 'sentinel',
        nodes: [
          { host: 'a', port: 26379 },
          { host: 'b', port: 7000 },
        ],
        tls: false,
        username: 'me',
        password: 'secret',
        db: 2,
        masterName: 'main',
      },
    ],
    [
      'rediss+cluster://a:1,b:2',
      {
        kind: 'cluster',
        nodes: [
          { host: 'a', port: 1 },
          { host: 'b', port: 2 },
        ],
        tls: true,
        db: 0,
      },
    ],
  ])('reads %s', (text, address) => expect(redisAddress(text)).toEqual(address));

  it.each([
    ['another scheme', 'http://cache'],
    ['no host', 'redis://'],
    ['two hosts for one server', 'redis://a,b'],
    ['an empty host', 'redis+cluster://a,,b'],
    ['a port that is none', 'redis://a:x'],
    ['a port out of range', 'redis://a:70000'],
    ['a database that is no number', 'redis://a/first'],
    ['a path too long', 'redis://a/1/2'],
    ['Sentinels without the name of the master', 'redis+sentinel://a:1'],
    ['a Cluster with a database: it has only one', 'redis+cluster://a:1/2'],
    ['an escape that is none', 'redis://:100%@a'],
  ])('refuses %s', (_, text) => expect(redisAddress(text)).toBeUndefined());
});
