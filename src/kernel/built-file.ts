/**
 * The address of a built file, for what Node loads by itself: a worker thread. `relative` is what an import in the
 * calling file (`import.meta.url`) would say, ending in `.js`.
 *
 * In the built service that is all. The tests, however, run `src/*.ts` inside Jest, which compiles the sources as it
 * imports them; a thread that a test starts is outside of Jest, finds a `.ts` file full of imports of `.js` files that do
 * not exist, and fails. So a thread always comes from `dist/`, which `npm test` builds first.
 */
export function builtFile(metaUrl: string, relative: string): URL {
  if (!metaUrl.endsWith('.ts')) return new URL(relative, metaUrl);
  // The last one: an image keeps the whole project below /usr/src.
  const at = metaUrl.lastIndexOf('/src/');
  return new URL(relative, `${metaUrl.slice(0, at)}/dist/${metaUrl.slice(at + '/src/'.length)}`);
}
