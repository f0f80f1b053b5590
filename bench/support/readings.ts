import { sent } from './clients.ts';

/** What a service holds in one moment, by its own metrics and diagnostics. */
export interface Reading {
  /** Resident memory. */
  rssMb: number;
  heapMb: number;
  /** Sockets, timers and the like that keep Node busy. */
  handles: number;
  /** Requests that are being answered, streams included. */
  requests: number;
  /** Connections of the database pool that somebody has taken, and callers that wait for one. */
  taken: number;
  waiting: number;
  /** Calls under way to all dependencies that bound them, and callers that wait for a place. */
  calls: number;
  queued: number;
}

interface Concurrency {
  in_use: number;
  waiting: number;
}

const MB = 1_024 * 1_024;

/** Reads a service from outside. It asks no dependency of it for anything. */
export class Readings {
  private readonly diagnosticsUrl: string;
  private readonly metricsUrl: string;

  private constructor(diagnosticsUrl: string, metricsUrl: string) {
    this.diagnosticsUrl = diagnosticsUrl;
    this.metricsUrl = metricsUrl;
  }

  /** @param url of a service whose metrics are on a port of its own choice: it says which */
  static async of(url: string): Promise<Readings> {
    const diagnosticsUrl = `${url}/api/v1/health/diagnostics`;
    const { boot } = await sent(diagnosticsUrl);
    const step = (boot as { step: string; detail: string }[]).find((one) => one.step === 'metrics');
    if (step === undefined) throw new Error(`${url} has no metrics`);
    return new Readings(diagnosticsUrl, step.detail);
  }

  async read(): Promise<Reading> {
    const { dependencies } = await sent(this.diagnosticsUrl);
    const places = Object.values(dependencies as Record<string, { concurrency: Concurrency | null }>).flatMap(
      ({ concurrency }) => concurrency ?? [],
    );
    const metrics = await this.metrics();
    return {
      rssMb: metrics('process_resident_memory_bytes') / MB,
      heapMb: metrics('nodejs_heap_size_used_bytes') / MB,
      handles: metrics('nodejs_active_handles'),
      requests: metrics('http_requests_in_flight'),
      taken: metrics('database_pool_connections', 'state="in_use"'),
      waiting: metrics('database_pool_waiting'),
      calls: places.reduce((sum, place) => sum + place.in_use, 0),
      queued: places.reduce((sum, place) => sum + place.waiting, 0),
    };
  }

  /** @returns the sum of the samples of a metric that have a label */
  private async metrics(): Promise<(name: string, label?: string) => number> {
    const answer = await fetch(this.metricsUrl);
    const lines = (await answer.text()).split('\n');
    return (name, label = '') => {
      const samples = lines.filter(
        (line) => (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) && line.includes(label),
      );
      if (samples.length === 0) throw new Error(`${this.metricsUrl} has no ${name}`);
      return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
    };
  }
}

/** By how much y grows for each 1 of x, by least squares. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [x0, y0] = [mean(0), mean(1)];
  const along = points.reduce((sum, [x, y]) => sum + (x - x0) * (y - y0), 0);
  return along / points.reduce((sum, [x]) => sum + (x - x0) ** 2, 0);
}
