import { termsOf, type UserFacts, verdictsOf } from './user.facts.js';

const facts = (overrides: Partial<UserFacts>): UserFacts => ({
  interests: [],
  skills: [],
  goals: [],
  viewed: [],
  seen: [],
  liked: [],
  disliked: [],
  ...overrides,
});

describe('What a user is after', () => {
  it('is what the profile says, then the patterns, each once', () => {
    const profile = facts({ interests: ['Rust', ' '], skills: ['SQL'], role: 'Keeper' });
    const patterns = [facts({ interests: ['rust', 'Fog  horns'] }), facts({ goals: ['Sleep'] })];
    expect(termsOf([profile, ...patterns])).toEqual(['Rust', 'SQL', 'Keeper', 'Fog horns', 'Sleep']);
  });

  it('is no more than thirty terms', () => {
    expect(termsOf([facts({ interests: Array.from({ length: 99 }, (_, n) => `t${n}`) })])).toHaveLength(30);
  });
});

describe('What a user has seen', () => {
  it('counts for what says most of it, and ids are one in any case', () => {
    const id = '0B0B0B0B-0b0b-4b0b-8b0b-0b0b0b0b0b0b';
    const verdicts = verdictsOf(
      facts({ viewed: ['a', 'B'], seen: ['c'], liked: ['a', id], disliked: ['c'] }),
    );
    expect(Object.fromEntries(verdicts)).toEqual({
      a: 'liked',
      B: 'viewed',
      c: 'disliked',
      [id.toLowerCase()]: 'liked',
    });
  });
});
