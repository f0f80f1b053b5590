import { Injectable } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { beginningOf } from '../../kernel/beginning.js';
import { DependencyError } from '../../resilience/dependency-error.js';
import { type Degradation, degradationOf, distinct } from '../search/degradations.js';
import { fuse } from '../search/fusion.js';
import { type Found, type Mode, Search } from '../search/search.service.js';
import { ContentsRepository, type LikedContent, type Reader, type Scope } from './contents.repository.js';
import { type Grounds, type Recommendation, recommendationOf } from './recommendation.js';
import { termsOf, type UserFacts, verdictsOf } from './user.facts.js';
import { UserPatternsRepository } from './user-patterns.repository.js';

export interface RecommendationRequest {
  userId: string;
  contentType: string;
  profile: UserFacts;
  limit: number;
}

type Retrieval = 'hybrid' | 'vector' | 'keyword' | 'popular' | 'none';

export interface Recommended {
  /** The newest of the user's patterns; null while there is none. */
  pattern_id: string | null;
  recommendations: Recommendation[];
  total_recommendations: number;
  retrieval: Retrieval;
  degraded_because: Degradation[];
}

// What is older than so many patterns still counts as seen, and says no more what the user is after.
const PATTERNS_MAX = 20;
const LIKED_MAX = 3;
const QUERY_CHARACTERS_MAX = 2_000;
// What the user has seen is likely to be what is found first: it is looked for further down, but not without end.
const hitsFor = (limit: number, seen: number) => 3 * limit + Math.min(seen, 200);
/** The collection of documents that have no other. */
const DOCUMENTS = 'documents';

/** One search: where each document that it found stands, the best first, and why it was looked for. */
interface Finding {
  retrieval: Exclude<Retrieval, 'popular'>;
  because: Degradation[];
  documents: Map<string, Grounds>;
}

/**
 * Recommends documents to a user: by what they are after and by what they liked, where that finds too few by what others
 * liked, and never one that they have seen. The same state gives the same recommendations.
 */
@Injectable()
export class Recommender {
  constructor(
    private readonly patterns: UserPatternsRepository,
    private readonly contents: ContentsRepository,
    private readonly search: Search,
    private readonly settings: Settings,
  ) {}

  /** @throws DependencyError of the database: without it nobody knows what the user has seen */
  async recommend(businessId: string, request: RecommendationRequest): Promise<Recommended> {
    const { userId, profile, limit } = request;
    const scope = this.scope(businessId, request.contentType);
    const verdicts = verdictsOf(profile);
    const reader = { userId, seen: [...verdicts.keys()] };
    const likedNow = reader.seen.filter((content) => verdicts.get(content) === 'liked');
    // One after another: the searches need connections enough, and these take a moment.
    const patterns = await this.patterns.list(businessId, { userId, limit: PATTERNS_MAX });
    const liked = await this.contents.likedBy(scope, userId, likedNow, LIKED_MAX);
    const seen = await this.contents.seenBy(businessId, userId);
    // As they were checked when they came in.
    const facts = patterns.map(({ pattern_data: data }) => data as unknown as UserFacts);
    const terms = termsOf([profile, ...facts]);
    const findings = await this.findings(scope, terms, liked, hitsFor(limit, seen + reader.seen.length));
    const matched = await this.matched(scope, reader, findings, limit);
    const popular = await this.popular(scope, reader, matched, limit);
    const recommendations = [...matched, ...popular.recommendations];
    return {
      pattern_id: patterns[0]?.id ?? null,
      recommendations,
      total_recommendations: recommendations.length,
      retrieval: matched.length > 0 ? lowest(findings) : recommendations.length > 0 ? 'popular' : 'none',
      degraded_because: distinct([...findings, popular].flatMap(({ because }) => because)),
    };
  }

  /** The name of a collection stands for all that is in it; any other for the documents whose metadata say so. */
  private scope(businessId: string, contentType: string): Scope {
    return this.settings.COLLECTIONS.includes(contentType)
      ? { businessId, collection: contentType, filter: {} }
      : { businessId, collection: DOCUMENTS, filter: { content_type: contentType } };
  }

  private findings(
    scope: Scope,
    terms: readonly string[],
    liked: readonly LikedContent[],
    hits: number,
  ): Promise<Finding[]> {
    const byTerms = (by: Mode, { text }: Found): Grounds => ({
      at: 'profile',
      by,
      text,
      terms,
    });
    return Promise.all([
      ...(terms.length === 0 ? [] : [this.find(terms.join('. '), scope, hits, byTerms)]),
      ...liked.map((one) =>
        this.find(`${one.title}\n\n${one.text}`, scope, hits, (by) => ({ at: 'liked', by, liked: one })),
      ),
    ]);
  }

  /** A search that fails finds nothing; so does one that nobody could check, as what was seen could not be left out. */
  private async find(
    query: string,
    scope: Scope,
    limit: number,
    grounds: (by: Mode, hit: Found) => Grounds,
  ): Promise<Finding> {
    try {
      const found = await this.search.find(beginningOf(query, QUERY_CHARACTERS_MAX), 'hybrid', scope, limit);
      const { retrieval, degraded_because: because } = found;
      const documents = new Map<string, Grounds>();
      if (retrieval !== 'none' && found.verified)
        for (const hit of found.hits)
          if (!documents.has(hit.document_id)) documents.set(hit.document_id, grounds(retrieval, hit));
      return { retrieval, because, documents };
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
      const because = [degradationOf(error)];
      return { retrieval: 'none', because, documents: new Map() };
    }
  }

  /** The findings as one ranking. A document is there for the reason of the finding in which it stands highest. */
  private async matched(
    scope: Scope,
    reader: Reader,
    findings: readonly Finding[],
    limit: number,
  ): Promise<Recommendation[]> {
    const rankings = findings.map(({ documents }) => ({ ids: [...documents.keys()], weight: 1 }));
    const scores = fuse(rankings);
    const contents = await this.contents.unseen(scope, reader, [...scores.keys()]);
    const best = groundsOf(findings);
    const matched: Recommendation[] = [];
    for (const [id, score] of scores) {
      const content = contents.get(id);
      if (content !== undefined) matched.push(recommendationOf(content, score, best.get(id)!));
    }
    return matched.slice(0, limit);
  }

  /** @throws DependencyError when nothing was matched before; what was is worth giving alone */
  private async popular(
    scope: Scope,
    reader: Reader,
    matched: readonly Recommendation[],
    limit: number,
  ): Promise<{ recommendations: Recommendation[]; because: Degradation[] }> {
    if (matched.length >= limit) return { recommendations: [], because: [] };
    const except = matched.map((recommendation) => recommendation.document_id);
    try {
      const found = await this.contents.popular(scope, reader, except, limit - matched.length);
      const recommendations = found.map(({ likes, viewers, ...content }) =>
        recommendationOf(content, 0, { at: 'popular', likes, viewers }),
      );
      return { recommendations, because: [] };
    } catch (error) {
      if (matched.length === 0 || !(error instanceof DependencyError)) throw error;
      return { recommendations: [], because: [degradationOf(error)] };
    }
  }
}

function groundsOf(findings: readonly Finding[]): Map<string, Grounds> {
  const best = new Map<string, { rank: number; grounds: Grounds }>();
  for (const { documents } of findings) {
    for (const [rank, [id, grounds]] of [...documents].entries()) {
      const known = best.get(id);
      if (known === undefined || rank < known.rank) best.set(id, { rank, grounds });
    }
  }
  return new Map([...best].map(([id, { grounds }]) => [id, grounds]));
}

const FROM_LOWEST = ['keyword', 'vector', 'hybrid'] as const;

/** Of searches that went differently well, what the least of them went by. */
function lowest(findings: readonly Finding[]): Retrieval {
  const went = new Set<string>(
    findings.filter(({ documents }) => documents.size > 0).map(({ retrieval }) => retrieval),
  );
  return FROM_LOWEST.find((retrieval) => went.has(retrieval)) ?? 'none';
}
