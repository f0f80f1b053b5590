import { Injectable } from '@nestjs/common';
import { Latencies, type Percentiles } from './latencies.js';

const SECONDS = 60;

interface Second {
  at: number;
  answered: number;
  failures: Map<string, number>;
}

export interface TrafficReport {
  in_flight: number;
  /** Over the last minute. */
  requests_per_s: number;
  /** Answers of the last minute that were errors, by their code. */
  errors: Record<string, number>;
  latency_ms: Percentiles | null;
}

/** The requests of the last minute, for diagnostics: a dashboard knows more, and may be away when it is needed. */
@Injectable()
export class Traffic {
  private readonly seconds: Second[] = [];
  private readonly latencies = new Latencies();
  private underWay = 0;

  began(): void {
    this.underWay += 1;
  }

  ended(tookMs: number): void {
    this.underWay -= 1;
    this.latencies.record(tookMs);
    this.second().answered += 1;
  }

  /** @param code of the problem that a request was answered with */
  failed(code: string): void {
    const { failures } = this.second();
    failures.set(code, (failures.get(code) ?? 0) + 1);
  }

  report(): TrafficReport {
    this.second();
    const errors: Record<string, number> = {};
    let answered = 0;
    for (const second of this.seconds) {
      answered += second.answered;
      for (const [code, n] of second.failures) errors[code] = (errors[code] ?? 0) + n;
    }
    return {
      in_flight: this.underWay,
      requests_per_s: Math.round((10 * answered) / SECONDS) / 10,
      errors,
      latency_ms: this.latencies.percentiles() ?? null,
    };
  }

  private second(): Second {
    const at = Math.floor(performance.now() / 1_000);
    while (this.seconds.length > 0 && this.seconds[0]!.at <= at - SECONDS) this.seconds.shift();
    const last = this.seconds.at(-1);
    if (last?.at === at) return last;
    const second = { at, answered: 0, failures: new Map<string, number>() };
    this.seconds.push(second);
    return second;
  }
}
