import { untilAborted } from './abort.js';
import { CallerGone, Deadline, DeadlineExceeded } from './deadline.js';

/** Work that several ask for at the same time is done once, for all of them. */
export class SingleFlight<T> {
  private readonly flights = new Map<string, Promise<T>>();

  get size(): number {
    return this.flights.size;
  }

  /**
   * Does the work, or waits for somebody who does the same. If that somebody ends
   * early because of his own request, it is done here.
   * @param key the same for the same work
   * @param wait how somebody waits for who does it. Default: for as long as the own request has time
   */
  async run(
    key: string,
    work: () => Promise<T>,
    wait: (flight: Promise<T>) => Promise<T> = inTime,
  ): Promise<T> {
    for (;;) {
      const flight = this.flights.get(key);
      if (flight === undefined) return this.lead(key, work);
      try {
        return await wait(flight);
      } catch (error) {
        if (Deadline.current()?.signal.aborted === true || !isOver(error)) throw error;
      }
    }
  }

  private async lead(key: string, work: () => Promise<T>): Promise<T> {
    const flight = work();
    this.flights.set(key, flight);
    try {
      return await flight;
    } finally {
      this.flights.delete(key);
    }
  }
}

function inTime<T>(flight: Promise<T>): Promise<T> {
  return untilAborted(flight, Deadline.current()?.signal);
}

/** It is the request that did the work which is over, and not the work which failed. */
function isOver(error: unknown): boolean {
  return error instanceof CallerGone || error instanceof DeadlineExceeded;
}
