// What a reader of the page never sees as text. (`hidden` on any element but these two hides as well: scripts set it on
// `html` and `body` only to take it away again.)
const UNSEEN = new Set([
  'script',
  'style',
  'template',
  'noscript',
  'svg',
  'iframe',
  'head',
  'title',
  'noembed',
  'noframes',
]);
const NEVER_HIDDEN = new Set(['html', 'body']);

export const LISTS = new Set(['ul', 'ol', 'menu', 'dir', 'dl']);
export const ITEMS = new Set(['li', 'dt']);
export const CELLS = new Set(['td', 'th']);
export const PREFORMATTED = new Set(['pre', 'listing', 'xmp', 'plaintext']);

const BLOCKS = new Set(
  (
    'address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure ' +
    'footer form header hgroup hr legend li listing main menu nav ol optgroup option p plaintext pre search section ' +
    'summary table tbody tfoot thead tr ul xmp'
  ).split(' '),
);

export function isUnseen(name: string, attributes: readonly { name: string }[]): boolean {
  return (
    UNSEEN.has(name) ||
    (!NEVER_HIDDEN.has(name) && attributes.some((attribute) => attribute.name === 'hidden'))
  );
}

/** Whether the element begins and ends on lines of its own. */
export function isBlock(name: string): boolean {
  return BLOCKS.has(name) || levelOf(name) > 0;
}

/** 1 to 6 for a heading, else 0. */
export function levelOf(name: string): number {
  return /^h[1-6]$/.test(name) ? Number(name.charAt(1)) : 0;
}
