import type { Api } from './boot.js';

/** A question as it is sent. */
export interface SentQuestion {
  text: string;
  category: string;
  difficulty: string;
  required_skills?: string[];
  compatible_roles?: string[];
  business_id?: string;
}

/** A question that nothing is special about. What a test is about it says itself. */
export function aQuestion(overrides: Partial<SentQuestion> = {}): SentQuestion {
  return {
    text: 'How do you find out why a query is slow?',
    category: 'Databases',
    difficulty: 'medium',
    required_skills: ['PostgreSQL'],
    compatible_roles: ['Backend Engineer'],
    ...overrides,
  };
}

/** Sends questions, all at once. @returns their ids */
export async function ask(api: Api, ...questions: SentQuestion[]): Promise<string[]> {
  const reply = await api('POST', '/api/v1/questions', questions);
  if (reply.status !== 201) throw new Error(`Not accepted: ${reply.status} ${JSON.stringify(reply.body)}`);
  return reply.body.question_ids;
}
