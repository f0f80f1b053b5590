import { Injectable } from '@nestjs/common';
import { Llm } from '../../platform/llm/llm.js';
import { draftsIn } from './drafts.js';
import { QuestionWriter, type QuestionWish, type Written } from './question.writer.js';

const INSTRUCTIONS = `Write questions for a job interview. Answer with JSON alone, of this form:
{"questions": [{"text": "…", "category": "…", "difficulty": "easy|medium|hard", "required_skills": ["…"]}]}
Each question can be answered in conversation, asks for one thing, and is about what the job description in passage [1] asks
for. Write in the language of the job description. Repeat none of the questions in passage [2], where there is one.`;

/** Has the first model that answers write them. */
@Injectable()
export class LlmQuestionWriter extends QuestionWriter {
  constructor(private readonly llm: Llm) {
    super();
  }

  async write(wish: QuestionWish): Promise<Written> {
    if (this.llm.models.length === 0) return none([{ dependency: 'llm', reason: 'not_installed' }]);
    const completion = await this.llm.complete({
      instructions: INSTRUCTIONS,
      question: `Which ${wish.count} ${wish.difficulty ?? ''} questions would you put to a ${wish.role.replaceAll(/\s+/g, ' ')}?`,
      passages: passagesFor(wish),
      unread: true,
    });
    const { degraded_because: because } = completion;
    if (completion.level === 'none') return none(because);
    const { text, model } = completion;
    const drafts = draftsIn(text, wish);
    if (drafts.length === 0) return none([...because, { dependency: 'llm', reason: 'bad_reply' }]);
    return { at: 'written', drafts, model };
  }
}

function passagesFor({ jobDescription, role, existing }: QuestionWish) {
  const job = { n: 1, title: `Job description: ${role}`, text: jobDescription };
  return existing.length === 0
    ? [job]
    : [job, { n: 2, title: 'Questions that there are already', text: existing.join('\n') }];
}

function none(because: readonly { dependency: string; reason: string }[]): Written {
  return { at: 'none', because: [...because] };
}
