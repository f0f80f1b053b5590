import { statfs } from 'node:fs/promises';
import { ExitCode } from '../../kernel/exit-code.js';

// Two segments of the write-ahead log (16 MB each) and the pages of a large document. With less the embedded engine does
// not fail but turns in circles: measured on 52 MB, for as long as one waits.
const BYTES_MIN = 48 * 1024 * 1024;
const LOOK_EVERY_MS = 1_000;

/** The disk of the data folder is nearly full. Reading goes on. */
export class DataFolderFull extends Error {
  readonly exitCode = ExitCode.dataFolder;
  /** As PostgreSQL says that the disk is full. */
  readonly code = '53100';

  constructor(folder: string, bytesFree: number) {
    super(
      `The disk of the data folder ${folder} has ${Math.floor(bytesFree / 1024 / 1024)} MB left, and writing needs ` +
        `${BYTES_MIN / 1024 / 1024}. Make room there, or set DATA_DIR to a folder on a larger disk.`,
    );
    this.name = 'DataFolderFull';
  }
}

/** How much room the disk of a folder has left, looked at once a second at most. */
export class DataFolderRoom {
  private lookedAtMs = -Infinity;
  private bytesFree = Infinity;

  constructor(private readonly folder: string) {}

  /** @throws DataFolderFull */
  async assertEnough(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.lookedAtMs >= LOOK_EVERY_MS) {
      this.lookedAtMs = nowMs;
      const { bavail, bsize } = await statfs(this.folder);
      this.bytesFree = bavail * bsize;
    }
    if (this.bytesFree < BYTES_MIN) throw new DataFolderFull(this.folder, this.bytesFree);
  }
}
