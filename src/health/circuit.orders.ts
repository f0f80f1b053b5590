import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { AppError } from '../kernel/app-error.js';
import { Dependencies } from '../resilience/dependencies.js';
import type { Dependency } from '../resilience/dependency.js';
import { Fleet } from '../resilience/fleet.js';
import { events } from '../telemetry/events.js';

const TOPIC = 'circuit';

export type CircuitOrder = 'isolate' | 'reset';

/** An operator's word on a dependency's circuit, for this process and all that hear of it. */
@Injectable()
export class CircuitOrders implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Operations');
  private deaf: () => void = () => {};

  constructor(
    private readonly dependencies: Dependencies,
    private readonly fleet: Fleet,
  ) {}

  onApplicationBootstrap(): void {
    this.deaf = this.fleet.hear(TOPIC, ({ dependency: name, order }) => {
      const dependency = this.dependencies.get(String(name));
      // A replica may know more dependencies than another, or be of another version.
      if (dependency !== undefined && isOrder(order)) this.obey(dependency, order);
    });
  }

  onApplicationShutdown(): void {
    this.deaf();
  }

  /** @throws AppError not_found */
  give(name: string, order: CircuitOrder): Dependency {
    const dependency = this.dependencies.get(name);
    if (dependency === undefined) {
      const names = [...this.dependencies].map((d) => d.name).join(', ');
      throw new AppError('not_found', `There is no dependency ${name}. There are ${names}`);
    }
    this.obey(dependency, order);
    this.fleet.tell(TOPIC, { dependency: name, order });
    return dependency;
  }

  private obey(dependency: Dependency, order: CircuitOrder): void {
    const facts = { event: events.circuitOrdered, dependency: dependency.name, order };
    this.logger.warn(facts, `An operator says: ${order} ${dependency.name}`);
    dependency[order]();
  }
}

function isOrder(word: unknown): word is CircuitOrder {
  return word === 'isolate' || word === 'reset';
}
