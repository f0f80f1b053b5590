import { EventFrames } from './event.frames.js';

const STREAM =
  'data: {"a":"ä🦀"}\n\n: a comment\n\ndata: one\r\ndata: two\r\n\r\nid: 7\nevent: x\ndata: [DONE]\n\n';
const EVENTS = [
  'data: {"a":"ä🦀"}\n\n',
  ': a comment\n\n',
  'data: one\r\ndata: two\r\n\r\n',
  'id: 7\nevent: x\ndata: [DONE]\n\n',
];

describe('EventFrames', () => {
  it('gives the same events, byte for byte, whatever pieces the bytes come in', () => {
    const bytes = Buffer.from(STREAM);
    for (let size = 1; size <= bytes.length; size += 1) {
      const frames = new EventFrames();
      const events = [];
      for (let at = 0; at < bytes.length; at += size)
        events.push(...frames.push(bytes.subarray(at, at + size)));
      expect(events.map(String)).toEqual(EVENTS);
    }
  });

  it('keeps what has no end yet', () => {
    const frames = new EventFrames();
    expect(frames.push(Buffer.from('data: half'))).toEqual([]);
    expect(frames.push(Buffer.from(' of it\n')).map(String)).toEqual([]);
    expect(frames.push(Buffer.from('\n')).map(String)).toEqual(['data: half of it\n\n']);
  });

  it('does not collect an event without end', () => {
    const frames = new EventFrames();
    const endless = () => {
      for (let i = 0; i < 100; i += 1) frames.push(Buffer.alloc(100_000, 'x'));
    };
    expect(endless).toThrow(expect.objectContaining({ fault: { reason: 'bad_reply', transient: false } }));
  });
});
