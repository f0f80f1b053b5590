import { encodedVectors, vectorsIn } from './vectors.js';

const entry = (index: unknown, embedding: unknown) => ({ index, embedding });

describe('vectorsIn', () => {
  it('puts the vectors into the order of the texts, each of length 1', () => {
    const reply = { data: [entry(1, [0, 2]), entry(0, [3, 4])], usage: { total_tokens: 7 } };
    const { vectors, tokens } = vectorsIn(reply, 2, 2);
    expect(vectors).toEqual([Float32Array.from([0.6, 0.8]), Float32Array.from([0, 1])]);
    expect(tokens).toBe(7);
  });

  it('does without a count of tokens', () => {
    expect(vectorsIn({ data: [entry(0, [1])] }, 1, 1).tokens).toBe(0);
  });

  it.each([
    ['nothing', null],
    ['no list', { data: {} }],
    ['too few', { data: [] }],
    ['too many', { data: [entry(0, [1, 0]), entry(1, [1, 0])] }],
    ['an index beyond the texts', { data: [entry(1, [1, 0])] }],
    ['an index before them', { data: [entry(-1, [1, 0])] }],
    ['no index', { data: [entry(undefined, [1, 0])] }],
    ['another dimension', { data: [entry(0, [1, 0, 0])] }],
    ['no vector', { data: [entry(0, 'AAAA')] }],
    ['what is no number', { data: [entry(0, [1, null])] }],
    ['what no number can hold', { data: [entry(0, [1, Number.POSITIVE_INFINITY])] }],
    ['no direction', { data: [entry(0, [0, 0])] }],
  ])('lets %s through to nobody', (_what, reply) => {
    expect(() => vectorsIn(reply, 1, 2)).toThrow(
      expect.objectContaining({ fault: { reason: 'bad_reply', transient: false } }),
    );
  });
});

describe('encodedVectors', () => {
  const FLOATS = [0.5, -2];
  const BASE64 = Buffer.from(Float32Array.from(FLOATS).buffer).toString('base64');
  const reply = (...data: object[]) => ({ object: 'list', model: 'm', x: 1, data });
  const anew = (bytes: Buffer | undefined) =>
    bytes === undefined ? undefined : JSON.parse(bytes.toString());

  it('leaves a reply alone that is as it was asked for', () => {
    const floats = reply(entry(0, FLOATS), entry(1, FLOATS));
    expect(encodedVectors(floats, 2, 2, 'float')).toBeUndefined();
    expect(encodedVectors(reply(entry(0, BASE64)), 1, 2, 'base64')).toBeUndefined();
  });

  it('brings vectors into the form that was asked for, and keeps everything else', () => {
    expect(anew(encodedVectors(reply(entry(0, FLOATS)), 1, 2, 'base64'))).toEqual(reply(entry(0, BASE64)));
    expect(anew(encodedVectors(reply(entry(0, BASE64)), 1, 2, 'float'))).toEqual(reply(entry(0, FLOATS)));
  });

  it('puts them into the order of the texts', () => {
    const two = reply(entry(1, [1, 1]), entry(0, FLOATS));
    expect(anew(encodedVectors(two, 2, 2, 'float'))).toEqual(reply(entry(0, FLOATS), entry(1, [1, 1])));
  });

  it.each([
    ['no list', { data: {} }],
    ['too few', { data: [] }],
    ['no object', { data: [null] }],
    ['another dimension', { data: [entry(0, [1])] }],
    ['another dimension in base64', { data: [entry(0, 'AAAA')] }],
    ['what is no number', { data: [entry(0, [1, null])] }],
    ['another index', { data: [entry(1, FLOATS)] }],
  ])('lets %s through to nobody', (_what, wrong) => {
    expect(() => encodedVectors(wrong, 1, 2, 'float')).toThrow(
      expect.objectContaining({ fault: { reason: 'bad_reply', transient: false } }),
    );
  });
});
