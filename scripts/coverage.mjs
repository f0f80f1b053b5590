// Coverage by folder, out of the last `npm run test:coverage`, beside the floors of jest.config.mjs. Fails when one is
// missed, like jest itself does.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import config from '../jest.config.mjs';

const files = Object.entries(JSON.parse(readFileSync('coverage/coverage-summary.json', 'utf8'))).filter(
  ([name]) => name !== 'total',
);
const folders = Map.groupBy(files, ([name]) => folderOf(relative(process.cwd(), name)));
const rows = [...folders]
  .toSorted(([a], [b]) => a.localeCompare(b))
  .map(([folder, members]) => {
    const lines = share(members, 'lines');
    const branches = share(members, 'branches');
    const floor = config.coverageThreshold[`./${folder}/`]?.branches;
    return { folder, lines, branches, floor, low: floor !== undefined && branches < floor };
  });

console.log('folder                          lines   branches   floor');
for (const { folder, lines, branches, floor, low } of rows) {
  const columns = [
    folder.padEnd(28),
    percent(lines),
    percent(branches),
    floor === undefined ? '      –' : percent(floor),
  ];
  console.log(`${columns.join('  ')}${low ? '  TOO LOW' : ''}`);
}
if (rows.some(({ low }) => low)) process.exitCode = 1;

/** `src/platform/cache` and `src/features/search`, and one level less for the others. */
function folderOf(file) {
  const parts = file.split('/');
  const depth = parts[1] === 'platform' || parts[1] === 'features' ? 3 : 2;
  return parts.slice(0, Math.min(depth, parts.length - 1)).join('/');
}

/** The share of all of them that is covered, in percent; a folder that has none is covered. */
function share(members, what) {
  const total = members.reduce((sum, [, file]) => sum + file[what].total, 0);
  const covered = members.reduce((sum, [, file]) => sum + file[what].covered, 0);
  return total === 0 ? 100 : (100 * covered) / total;
}

function percent(value) {
  return `${value.toFixed(1).padStart(5)} %`;
}
