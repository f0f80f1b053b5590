import type { StreamEvent } from '../kernel/stream-event.js';
import { StreamRecord } from './stream.record.js';

const token = (text: string): StreamEvent => ({ event: 'token', data: { text } });
const TOLD: readonly StreamEvent[] = [
  { event: 'meta', data: { model: 'first' } },
  token('The lamp '),
  token('burns '),
  { event: 'restart', data: { model: 'second' } },
  token('Colza '),
  { event: 'switch', data: { model: 'third' } },
  token('oil.'),
  { event: 'done', data: { sha256: 'x' } },
];

/** What a reader has who puts the pieces together. */
function read(events: readonly StreamEvent[], text = ''): string {
  for (const { event, data } of events) {
    if (event === 'restart') text = '';
    if (event === 'token') text += data['text'] as string;
  }
  return text;
}

function recordOf(events: readonly StreamEvent[]): StreamRecord {
  const record = StreamRecord.of('id', 'request');
  for (const event of events) record.add(event);
  return StreamRecord.read(record.bytes());
}

describe('StreamRecord', () => {
  it('brings a reader from any event of any stream to the text that it has, however often it breaks off', () => {
    for (let told = 1; told <= TOLD.length; told += 1) {
      for (let number = 1; number <= told; number += 1) {
        const first = recordOf(TOLD.slice(0, told));
        const text = read(TOLD.slice(0, told));
        let had = read(TOLD.slice(0, number));
        const { record, missed } = first.from(number, 'other');
        for (const event of missed) {
          had = read([event], had);
          const at = record.add(event);
          expect(record.text).toBe(had);
          const { missed: none } = record.from(at, 'third');
          expect(read(none, had)).toBe(record.text);
        }
        expect(had).toBe(text);
        // It is told again to whoever did not hear it.
        expect(read(first.from(number, 'again').missed, read(TOLD.slice(0, number)))).toBe(text);
      }
    }
  });

  it('ends with the last word when the stream had one, and only then', () => {
    const whole = recordOf(TOLD);
    expect(whole.from(5, 'other').missed.at(-1)).toEqual(TOLD.at(-1));
    expect(whole.whole).toBe(true);
    const broken = recordOf(TOLD.slice(0, -1));
    expect(broken.from(7, 'other').missed).toEqual([]);
    expect(broken.whole).toBe(false);
  });

  it('begins anew for a reader who has a number that it never gave, and goes on from that number', () => {
    const { record, missed } = recordOf(TOLD).from(99, 'other');
    expect(missed[0]).toEqual({ event: 'restart', data: { model: 'third' } });
    expect(record.id).toBe('other');
    expect(record.add(missed[0]!)).toBe(100);
  });
});
