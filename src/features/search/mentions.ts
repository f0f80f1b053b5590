const LETTER = /[\p{L}\p{M}\p{N}]/u;

/** Whether a text names a term: as a whole, in any case. `C++` and `Node.js` are terms as well. */
export function mentions(text: string, term: string): boolean {
  const [within, wanted] = [plain(text), plain(term)];
  if (wanted === '') return false;
  for (let at = within.indexOf(wanted); at !== -1; at = within.indexOf(wanted, at + 1)) {
    if (!LETTER.test(within.charAt(at - 1)) && !LETTER.test(within.charAt(at + wanted.length))) return true;
  }
  return false;
}

function plain(text: string): string {
  return text.toLowerCase().replaceAll(/\s+/g, ' ').trim();
}
