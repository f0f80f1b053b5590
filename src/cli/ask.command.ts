import type { Command } from 'commander';
import { withService } from './attach.js';
import type { Filter } from './client.js';
import { type CommonOptions, newServiceCommand, pair, whole } from './options.js';
import { answerLines } from './passages.js';
import type { Shell } from './shell.js';

interface Options extends CommonOptions {
  collection?: string;
  filter?: Filter;
  limit?: number;
}

export function askCommand(shell: Shell): Command {
  return newServiceCommand('ask', 'answer a question from the documents, with citations', [
    'ask "How large may a request body be?"',
    'ask "What changed?" --filter product=widget \'year={"gte":2025}\' --json',
  ])
    .argument('<question>', 'the question, in quotation marks')
    .option('--collection <name>', 'the collection to ask')
    .option('--filter <key=value...>', 'ask only documents whose metadata matches', pair)
    .option('--limit <n>', 'how many passages the answer may rest on', whole(1, 20))
    .action((question: string, options: Options) => ask(shell, question, options));
}

async function ask(shell: Shell, question: string, options: Options): Promise<void> {
  const { collection, filter, limit } = options;
  await withService(shell, options, async (client) => {
    const answer = await client.ask(question, { collection, filter, limit }, shell.signal);
    if (options.json === true) {
      shell.out(JSON.stringify(answer));
      return;
    }
    const places = await client.placesOf(answer, shell.signal);
    for (const line of answerLines(answer, places)) shell.out(line);
    if (answer.retrieval === 'none' && !(await client.hasDocuments(shell.signal))) {
      shell.err('There are no documents here yet: npm run cli -- ingest <folder>');
    }
  });
}
