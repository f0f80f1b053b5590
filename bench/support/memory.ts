import { megabytes } from './process.ts';

const EVERY_MS = 100;

/** Looks at the resident memory of a process for as long as something takes. @returns the least and the most, in MB */
export async function watchMemory<T>(
  pid: number,
  work: () => Promise<T>,
): Promise<{ min: number; max: number; result: T }> {
  let [min, max] = [Infinity, -Infinity];
  const look = () => {
    const mb = megabytes(pid);
    [min, max] = [Math.min(min, mb), Math.max(max, mb)];
  };
  look();
  const timer = setInterval(look, EVERY_MS);
  try {
    const result = await work();
    look();
    return { min, max, result };
  } finally {
    clearInterval(timer);
  }
}
