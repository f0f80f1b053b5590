/** The beginning of a text, of so many UTF-16 code units at most: never with half of a character that takes two. */
export function beginningOf(text: string, max: number): string {
  const cut = text.slice(0, max);
  return cut.isWellFormed() || !text.isWellFormed() ? cut : cut.slice(0, -1);
}
