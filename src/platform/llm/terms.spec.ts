import { terms } from './terms.js';

describe('terms', () => {
  it('gives the stems of the words that carry meaning, in order, repeats kept', () => {
    expect(terms('Closing the servers: how do I close a server?')).toEqual([
      'close',
      'server',
      'close',
      'server',
    ]);
  });

  it('does not tell upper from lower case, nor one way of writing a letter from another', () => {
    expect(terms('LAMP Lamp lamp')).toEqual(['lamp', 'lamp', 'lamp']);
    expect(terms('caf\u00e9')).toEqual(terms('cafe\u0301'));
    expect(terms('ﬁre')).toEqual(['fire']);
  });

  it('takes the words of a name in camel case apart', () => {
    expect(terms('requestTimeout')).toEqual(terms('request timeout'));
  });

  it('keeps names of options, numbers and words of other scripts', () => {
    expect(terms('port 8080')).toEqual(['port', '8080']);
    expect(terms('שלום עולם')).toEqual(['שלום', 'עולם']);
    expect(terms('灯台の灯').length).toBeGreaterThan(0);
  });

  it.each(['', ' \n', '?!…', 'the of and with how do I'])('gives nothing for %j', (text) => {
    expect(terms(text)).toEqual([]);
  });

  it('is not misled by the names of what every object has', () => {
    expect(terms('constructor __proto__ toString').length).toBeGreaterThan(0);
  });
});
