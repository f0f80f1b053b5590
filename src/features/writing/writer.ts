import { Injectable } from '@nestjs/common';
import { untilAborted } from '../../kernel/abort.js';
import { Deadline } from '../../kernel/deadline.js';
import { SingleFlight } from '../../kernel/single-flight.js';
import {
  type Because,
  type Completion,
  type Draft,
  Llm,
  type NoModel,
  type Prompt,
  type Usage,
} from '../../platform/llm/llm.js';
import { Seam } from '../../platform/llm/seam.js';
import { RequestContext } from '../../telemetry/request.context.js';

/** How good a text is: by the first choice, by another model, said earlier of the same documents, or quoted from them. */
export type Level = 'full' | 'fallback_model' | 'cached' | 'extractive';

/** Whose text it is. */
export interface Origin {
  level: Level;
  /** null where no model wrote it. */
  model: string | null;
  /** Which models were asked before, and why they could not. */
  because: readonly Because[];
}

/** A text that is whole. `[k]` in it points at the k-th of `sources`. */
export interface Written<S> extends Origin {
  text: string;
  sources: readonly S[];
  usage: Usage | null;
  /** The model stopped at the most that it may write, and not at an end. */
  truncated: boolean;
  /** How long ago it was written, where that was for somebody else. */
  ageS: number | null;
  /** What that somebody had asked. */
  question?: string;
}

/** What stands in for a text where no model can write one. */
export type Substitute<S> = Pick<Written<S>, 'text' | 'sources' | 'ageS' | 'model' | 'question'> & {
  level: 'cached' | 'extractive';
};

/** What is to be written, and what instead. */
export interface Task<S> {
  prompt: Prompt;
  /** Where the passages of the prompt are from: the one with the number n is of the n-th. */
  sources: readonly S[];
  /** What is said where a model was to cite the passages and found nothing in them to cite. */
  unsupported?: string;
  instead: () => Substitute<S> | Promise<Substitute<S>>;
}

/** A text as it comes: `open` says whose it is, and how it stands to what came before. */
export type Piece<S> =
  | { at: 'open'; how: 'begin' | 'switch' | 'restart'; origin: Origin }
  | { at: 'text'; text: string }
  | { at: 'end'; written: Written<S> };

/** Has texts written: by a model, or else by what the task names instead. */
@Injectable()
export class Writer {
  private readonly flights = new SingleFlight<Completion | NoModel>();

  constructor(private readonly llm: Llm) {}

  /** @param shared whose the prompt is: the same prompt of the same one is written once for all who ask at the time */
  async write<S>(task: Task<S>, shared?: string): Promise<Written<S>> {
    const { prompt } = task;
    const completion = await (shared === undefined
      ? this.llm.complete(prompt)
      : this.flights.run(JSON.stringify([shared, prompt]), () => this.llm.complete(prompt), atTheModel));
    if (completion.level === 'none') return standIn(await task.instead(), completion.degraded_because);
    const { level, model, degraded_because: because, text, cited, usage, truncated } = completion;
    return { level, model, because, ...textOf(task, text, cited), usage, truncated, ageS: null };
  }

  /** @param draft of an earlier reading that was cut off: it is gone on with, and kept up to date */
  async *stream<S>(task: Task<S>, draft: Draft): AsyncGenerator<Piece<S>> {
    for await (const event of this.llm.stream(task.prompt, draft)) {
      switch (event.at) {
        case 'text':
          yield event;
          break;
        case 'none':
          yield* readyMade(standIn(await task.instead(), event.degraded_because), draft);
          break;
        case 'end': {
          const { level, model, degraded_because: because, cited, usage, truncated } = event;
          const origin = { level, model, because };
          // One that had to cite and did not has shown nothing, and may have followed one that had.
          const shown = cited.length === 0 && task.prompt.mustCite === true ? '' : draft.text;
          const { text, sources } = textOf(task, shown, cited);
          if (shown === '') yield* catchUp(text, origin, draft);
          yield { at: 'end', written: { ...origin, text, sources, usage, truncated, ageS: null } };
          break;
        }
        default: {
          const { at: how, level, model, degraded_because: because } = event;
          yield { at: 'open', how, origin: { level, model, because } };
        }
      }
    }
  }
}

function textOf<S>({ prompt, sources, unsupported }: Task<S>, text: string, cited: readonly number[]) {
  if (text === '' && prompt.mustCite === true) return { text: unsupported ?? '', sources: [] };
  return { text, sources: cited.map((n) => sources[n - 1]!) };
}

function standIn<S>(substitute: Substitute<S>, because: readonly Because[]): Written<S> {
  return { ...substitute, because, usage: null, truncated: false };
}

/** A text that is there already, as one that is read as it comes. */
export async function* readyMade<S>(written: Written<S>, draft: Draft): AsyncGenerator<Piece<S>> {
  yield* catchUp(written.text, written, draft);
  yield { at: 'end', written };
}

/** Brings a reader from what he has to a whole text. */
function* catchUp<S>(text: string, { level, model, because }: Origin, draft: Draft): Generator<Piece<S>> {
  const had = draft.text;
  const seam = new Seam(had);
  const pushed = seam.push(text);
  const { anew, text: rest } = seam.joined ? pushed : seam.end();
  draft.text = text;
  if (rest === '' && !anew) return;
  const how = had === '' ? 'begin' : anew ? 'restart' : 'switch';
  yield { at: 'open', how, origin: { level, model, because } };
  if (rest !== '') yield { at: 'text', text: rest };
}

/** Waits for a call that another request has made: it is the model that is waited for, and no place of this process. */
async function atTheModel<T>(flight: Promise<T>): Promise<T> {
  const end = RequestContext.current()?.timings.begin('llm');
  try {
    return await untilAborted(flight, Deadline.current()?.signal);
  } finally {
    end?.();
  }
}
