import { sentencesOf } from './sentences.js';

describe('sentencesOf', () => {
  it('gives the sentences of prose, each by itself, over line breaks', () => {
    expect(
      sentencesOf('The keeper trims the wick\nevery four hours. The lamp burns oil!\n\nIs it bright enough?'),
    ).toEqual(['The keeper trims the wick every four hours.', 'The lamp burns oil!', 'Is it bright enough?']);
  });

  it('ends no sentence at a full stop within a word', () => {
    expect(sentencesOf('Set server.listen to 0.0.0.0 in config.yml first.')).toEqual([
      'Set server.listen to 0.0.0.0 in config.yml first.',
    ]);
  });

  it.each([
    ['a heading', '# The lighthouse of Cordouan\n'],
    ['a fence of code', '```js\nawait server.close(options);\n```'],
    ['a fence of tildes', '~~~\nawait server.close(options);\n~~~'],
    ['a fence that is never closed', '```\nawait server.close(options);'],
    ['the rule of a table', '|---|:---:|---|---|---|---|'],
    ['a line under a heading', '================================'],
    ['a label', 'See also:'],
    ['marks without words', '*** --- !!! ??? *** --- !!!'],
    ['numbers without words', '1 234 567 890 123 456 789'],
    ['nothing', ''],
  ])('gives nothing of %s', (_what, text) => {
    expect(sentencesOf(text)).toEqual([]);
  });

  it('closes a fence only with marks of its own kind and length', () => {
    expect(sentencesOf('````\n```\nconst inside = true;\n```\n````\nThis stands outside of it.')).toEqual([
      'This stands outside of it.',
    ]);
    expect(sentencesOf('~~~\n```\nconst inside = true;\n~~~\nThis stands outside of it.')).toEqual([
      'This stands outside of it.',
    ]);
  });

  it('takes each item of a list, each quotation and each row of a table by itself', () => {
    expect(
      sentencesOf(
        '- Open the valve slowly\n- Wait for the pressure\n1. Light the lamp at dusk\n> Never leave the tower',
      ),
    ).toEqual([
      'Open the valve slowly',
      'Wait for the pressure',
      'Light the lamp at dusk',
      'Never leave the tower',
    ]);
  });

  it('leaves out the marks of Markdown and HTML and keeps what they are about', () => {
    expect(
      sentencesOf(
        'Call **close** or __stop__, see [the guide](https://x.org/a_(b)) and <b>wait</b> for `done`.',
      ),
    ).toEqual(['Call close or stop, see the guide and wait for `done`.']);
    expect(
      sentencesOf('Read [Why does it rust? A talk](/talks?q=1 "Really! It does.") before winter.'),
    ).toEqual(['Read Why does it rust?', 'A talk before winter.']);
    expect(sentencesOf('![A tower](tower.png) stands on the rock there.')).toEqual([
      'A tower stands on the rock there.',
    ]);
  });

  it('keeps a number in brackets from passing for a citation', () => {
    expect(sentencesOf('As was shown before [3], the lamp is bright [12].')).toEqual([
      'As was shown before (3), the lamp is bright (12).',
    ]);
    expect(sentencesOf('The array a[0] holds the first lamp.')[0]).not.toMatch(/\[\d+\]/);
  });

  it('keeps comparisons, which only look like tags', () => {
    expect(sentencesOf('The pressure must be < 5 bar and > 2 bar.')).toEqual([
      'The pressure must be < 5 bar and > 2 bar.',
    ]);
  });

  it('takes text of other scripts', () => {
    expect(sentencesOf('המגדלור עומד על הסלע. השומר מדליק את המנורה.')).toHaveLength(2);
  });

  it('is not held up by what is made to hold it up', () => {
    const startedMs = performance.now();
    for (const piece of ['[', '<a ', '**', '**a ', '__', '[x](', '|', '- ', '`', ' ', '# '])
      sentencesOf(`${piece.repeat(20_000)}x`);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });
});
