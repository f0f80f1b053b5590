import { Injectable } from '@nestjs/common';

export type Vital = Readonly<Record<string, number | string | boolean | null>>;

/**
 * What parts of the service have to say of themselves beside their dependencies: how much waits in a queue, how far the
 * index is behind. Read from memory: diagnostics and metrics ask nobody.
 */
@Injectable()
export class Vitals {
  private readonly readers = new Map<string, () => Vital>();

  /** @throws Error when there is one of that name */
  add(name: string, read: () => Vital): void {
    if (this.readers.has(name)) throw new Error(`There is a vital sign ${name} already`);
    this.readers.set(name, read);
  }

  read(): Record<string, Vital> {
    return Object.fromEntries([...this.readers].map(([name, read]) => [name, read()]));
  }
}
