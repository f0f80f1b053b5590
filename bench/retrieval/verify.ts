// Run with `node bench/retrieval/verify.ts`: exits with 1, naming the question, when a question no longer fits the
// installed manuals. Run it after every change of the lock file.
import { corpora, readCorpus, type Corpus, type Manual } from './corpora.ts';
import { questions, unanswerable, type Question, type QuestionSet } from './questions.ts';

const sets: QuestionSet[] = ['report', 'dev'];
const minimum = { report: 72, dev: 48, unanswerable: 20, packages: 5, chunks: 1_800, nearShare: 0.5 };
const chunkChars = 1_000;

const manuals = new Map([...readCorpus()].map((manual) => [manual.id, manual]));
const asked = Object.fromEntries(sets.map((set) => [set, questions(set)])) as Record<QuestionSet, Question[]>;

printCounts();
const faults = [
  ...sizeFaults(),
  ...sets.flatMap((set) => asked[set].flatMap(passageFaults)),
  ...repetitionFaults(),
  ...neighbourFaults(),
];
for (const fault of faults) console.error(`FAULT ${fault}`);
console.log(faults.length === 0 ? 'All questions fit the corpus.' : `${faults.length} faults.`);
process.exitCode = faults.length === 0 ? 0 : 1;

function passageFaults({ id, document, passage, question }: Question): string[] {
  const manual = manuals.get(document);
  if (manual === undefined) return [`${id} "${question}": there is no document ${document}`];
  const elsewhere = [...manuals.values()].filter((other) => other !== manual && other.text.includes(passage));
  const times = manual.text.split(passage).length - 1;
  return [
    ...(passage.length < 40 || passage.length > 200
      ? [`${id}: the passage has ${passage.length} characters`]
      : []),
    ...(times === 1
      ? []
      : [`${id} "${question}": the passage occurs ${times} times in ${document}: ${passage}`]),
    ...elsewhere.map((other) => `${id} "${question}": the passage occurs in ${other.id} too: ${passage}`),
  ];
}

function repetitionFaults(): string[] {
  const all = sets.flatMap((set) => [...asked[set], ...unanswerable(set)]);
  return [
    ...repeated(all, (question) => question.id),
    ...repeated(all, (question) => question.question.toLowerCase()),
  ];
}

function repeated<T extends { id: string }>(all: T[], by: (item: T) => string): string[] {
  return [...Map.groupBy(all, by)]
    .filter(([, same]) => same.length > 1)
    .map(([key, same]) => `${same.map(({ id }) => id).join(' and ')} are the same: ${key}`);
}

/** What is tuned on one chunk must not be reported on the same. */
function neighbourFaults(): string[] {
  return asked.report.flatMap((reported) =>
    asked.dev
      .filter((tuned) => tuned.document === reported.document && charsBetween(tuned, reported) < chunkChars)
      .map(
        (tuned) => `${reported.id} and ${tuned.id} are close enough to share a chunk of ${tuned.document}`,
      ),
  );
}

function charsBetween(one: Question, other: Question): number {
  const text = manuals.get(one.document)?.text ?? '';
  return Math.abs(text.indexOf(one.passage) - text.indexOf(other.passage));
}

function sizeFaults(): string[] {
  const chunks = chunksAtLeast([...manuals.values()]);
  return [
    ...(chunks < minimum.chunks
      ? [`the corpus has only ${chunks} chunks, ${minimum.chunks} are wanted`]
      : []),
    ...sets.flatMap((set) => setFaults(set)),
  ];
}

function setFaults(set: QuestionSet): string[] {
  const packages = new Set(asked[set].map(({ document }) => packageOf(document))).size;
  const without = unanswerable(set);
  const near = without.filter(({ distance }) => distance === 'near').length;
  return [
    ...(asked[set].length < minimum[set] ? [`the ${set} set has only ${asked[set].length} questions`] : []),
    ...(packages < minimum.packages ? [`the ${set} set covers only ${packages} packages`] : []),
    ...(without.length < minimum.unanswerable
      ? [`the ${set} set has only ${without.length} unanswerable questions`]
      : []),
    ...(near !== without.length * minimum.nearShare
      ? [`the ${set} set has ${near} near ones of ${without.length}`]
      : []),
  ];
}

function printCounts(): void {
  const rows = corpora().map((corpus) => count(corpus.package, membersOf(corpus)));
  console.table(Object.fromEntries([...rows, count('total', [...manuals.values()])]));
  console.log(`unanswerable: ${sets.map((set) => `${unanswerable(set).length} ${set}`).join(', ')}`);
}

function membersOf(corpus: Corpus): Manual[] {
  return corpus.files
    .map((file) => manuals.get(`${corpus.package}/${file}`))
    .filter((manual) => manual !== undefined);
}

function count(name: string, members: Manual[]): [string, Record<string, number>] {
  const ids = new Set(members.map(({ id }) => id));
  const asking = (set: QuestionSet) => asked[set].filter(({ document }) => ids.has(document)).length;
  return [
    name,
    {
      files: members.length,
      characters: members.reduce((sum, { text }) => sum + text.length, 0),
      chunks: chunksAtLeast(members),
      report: asking('report'),
      dev: asking('dev'),
    },
  ];
}

/** Chunks that break at paragraphs instead of at the thousandth character are more, never fewer. */
function chunksAtLeast(members: Manual[]): number {
  return members.reduce((sum, { text }) => sum + Math.ceil(text.length / chunkChars), 0);
}

function packageOf(document: string): string {
  return document.split('/', document.startsWith('@') ? 2 : 1).join('/');
}
