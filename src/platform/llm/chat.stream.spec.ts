import { piecesOf, type Piece } from './chat.stream.js';

async function* inPieces(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
}

async function read(text: string, size = 1_000): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for await (const piece of piecesOf(inPieces(text, size))) pieces.push(piece);
  return pieces;
}

const event = (chunk: object) => `data: ${JSON.stringify(chunk)}\n\n`;
const delta = (content: string | null, reason: string | null = null, index = 0) =>
  event({ choices: [{ index, delta: { content }, finish_reason: reason }] });

describe('piecesOf', () => {
  it.each([1, 2, 7, 1_000])('reads the same whether the bytes come by %i or at once', async (size) => {
    const text = `: hello\n\n${delta('Grüße 👩‍👩‍👧')}event: x\r\n${delta(' שלום', 'stop')}data: [DONE]\n\n`;
    expect(await read(text, size)).toEqual([
      { at: 'text', text: 'Grüße 👩‍👩‍👧' },
      { at: 'text', text: ' שלום' },
      { at: 'end', truncated: false },
      { at: 'done' },
    ]);
  });

  it('hears the first of several answers, and no word that is none', async () => {
    expect(await read(delta('a') + delta('b', 'stop', 1) + delta('') + delta(null))).toEqual([
      { at: 'text', text: 'a' },
    ]);
  });

  it('takes thinking for a sign of life, and not for a part of the answer', async () => {
    const thought = event({
      choices: [{ index: 0, delta: { reasoning_content: 'Hm.' }, finish_reason: null }],
    });
    expect(await read(thought)).toEqual([{ at: 'sign' }]);
  });

  it.each(['null', '7', '"x"', '{"choices": [', ''])('refuses data that is no object: %s', async (data) => {
    await expect(read(`data: ${data}\n\n`)).rejects.toThrow('no JSON object');
  });

  it('takes what it lacks for absent', async () => {
    expect(
      await read(event({}) + event({ choices: null, usage: null }) + event({ choices: [{ index: 0 }] })),
    ).toEqual([]);
  });
});
