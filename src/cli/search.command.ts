import { type Command, Option } from 'commander';
import { withService } from './attach.js';
import type { Filter } from './client.js';
import { type CommonOptions, newServiceCommand, pair, whole } from './options.js';
import { hitLines } from './passages.js';
import type { Shell } from './shell.js';

interface Options extends CommonOptions {
  mode?: 'hybrid' | 'vector' | 'keyword';
  limit?: number;
  collection?: string;
  filter?: Filter;
}

export function searchCommand(shell: Shell): Command {
  return newServiceCommand('search', 'find passages of the documents', [
    'search "request body limit"',
    'search "request body limit" --mode keyword --limit 3',
    'search changes --filter \'product=["widget","gadget"]\' \'year={"gte":2025}\' --json',
  ])
    .argument('<query>', 'what to look for, in quotation marks')
    .addOption(
      new Option('--mode <mode>', 'by words and vectors, or by one of them').choices([
        'hybrid',
        'vector',
        'keyword',
      ]),
    )
    .option('--limit <n>', 'how many passages', whole(1, 100))
    .option('--collection <name>', 'the collection to look in')
    .option('--filter <key=value...>', 'look only in documents whose metadata matches', pair)
    .action((query: string, options: Options) => search(shell, query, options));
}

async function search(shell: Shell, query: string, options: Options): Promise<void> {
  const { mode, limit, collection, filter } = options;
  await withService(shell, options, async (client) => {
    const found = await client.search({ query, mode, limit, collection, filter }, shell.signal);
    if (options.json === true) {
      shell.out(JSON.stringify(found));
      return;
    }
    for (const line of hitLines(found)) shell.out(line);
    if (found.hits.length === 0 && !(await client.hasDocuments(shell.signal))) {
      shell.err('There are no documents here yet: npm run cli -- ingest <folder>');
    }
  });
}
