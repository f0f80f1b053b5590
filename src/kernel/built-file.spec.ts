import { builtFile } from './built-file.js';

describe('builtFile', () => {
  it('is the neighbour of a built file', () => {
    const url = builtFile('file:///app/dist/features/chunker.pool.js', './chunker.worker.js');
    expect(url.href).toBe('file:///app/dist/features/chunker.worker.js');
  });

  it('is the built neighbour of a source file', () => {
    const url = builtFile('file:///app/src/features/chunker.pool.ts', './chunker.worker.js');
    expect(url.href).toBe('file:///app/dist/features/chunker.worker.js');
  });

  it('follows a path to another folder', () => {
    const url = builtFile('file:///app/src/platform/database/pglite.ts', '../../cli/worker.js');
    expect(url.href).toBe('file:///app/dist/cli/worker.js');
  });

  it('takes the innermost src for the sources', () => {
    const url = builtFile('file:///usr/src/app/src/a.ts', './b.js');
    expect(url.href).toBe('file:///usr/src/app/dist/b.js');
  });
});
