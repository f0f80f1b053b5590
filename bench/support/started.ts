interface Stoppable {
  stop(): Promise<void>;
}

/** What a benchmark started, and ends: the last first. */
export class Started {
  private readonly all: Stoppable[] = [];

  async keep<T extends Stoppable>(starting: Promise<T>): Promise<T> {
    const one = await starting;
    this.all.push(one);
    return one;
  }

  async stop(): Promise<void> {
    for (const one of this.all.splice(0).toReversed()) await one.stop();
  }
}
