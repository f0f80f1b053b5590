// Builds the service unless what is built is younger than every source. Says nothing when there is nothing to do.
import { execFileSync } from 'node:child_process';
import { globSync, statSync } from 'node:fs';

const sources = globSync(['src/**/*.ts', '.swcrc', 'package.json'], { exclude: ['**/*.spec.ts'] });
const newest = Math.max(...sources.map((file) => statSync(file).mtimeMs));
const built = statSync('dist/main.js', { throwIfNoEntry: false })?.mtimeMs ?? 0;
if (built < newest) {
  process.stderr.write('Building Mainstay …\n');
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: ['ignore', 'ignore', 'inherit'] });
}
