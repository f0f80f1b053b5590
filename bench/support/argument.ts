/** The one number that a benchmark may be told. @throws Error for anything that is none, or none above 0 */
export function argument(what: string, fallback: number): number {
  const [given, ...more] = process.argv.slice(2);
  const value = given === undefined ? fallback : Number(given);
  if (!(value > 0) || !Number.isFinite(value) || more.length > 0)
    throw new Error(`It takes one argument, ${what}: a number above 0. Without it: ${fallback}`);
  return value;
}
