import { createParser } from 'eventsource-parser';

/** The data of each event of a stream. Bytes may come in pieces of any size; comments are no events. */
export async function* dataOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const found: string[] = [];
  const parser = createParser({ onEvent: ({ data }) => found.push(data) });
  const decoder = new TextDecoder();
  for await (const chunk of chunks) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    yield* found.splice(0);
  }
}
