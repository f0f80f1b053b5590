import { type CustomDecorator, type ExecutionContext, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';

const reflector = new Reflector();

/**
 * Something that a decorator says of a route, or of all routes of a controller. Each is looked up once: several guards ask
 * for several of them on every request, and they never change.
 */
export class Mark<T> {
  readonly #known = new WeakMap<object, { value: T | undefined }>();

  constructor(private readonly key: string) {}

  /** The decorator. */
  set(value: T): CustomDecorator {
    return SetMetadata(this.key, value);
  }

  /** What it says of the route itself, or else of its controller; undefined where it says nothing. */
  of(context: ExecutionContext): T | undefined {
    const handler = context.getHandler();
    let known = this.#known.get(handler);
    if (known === undefined) {
      const value = reflector.getAllAndOverride<T | undefined>(this.key, [handler, context.getClass()]);
      known = { value };
      this.#known.set(handler, known);
    }
    return known.value;
  }
}
