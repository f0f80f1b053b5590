import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ServiceState } from '../kernel/service-state.js';
import { Fleet } from '../resilience/fleet.js';
import { events } from '../telemetry/events.js';

const TOPIC = 'maintenance';
const DETAIL = 'The service is under maintenance';
const RETRY_AFTER_MS = 60_000;

/** What an operator says of the maintenance. */
export interface MaintenanceOrder {
  enabled: boolean;
  detail?: string;
  retryAfterMs?: number;
}

/**
 * Keeps callers away while operators work: readiness is off and the API answers 503 with Retry-After; probes, diagnostics and
 * operators' routes go on. Said to one process it reaches the others as well, where they share a Redis; a process that
 * starts later does not know of it.
 */
@Injectable()
export class MaintenanceSwitch implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Maintenance');
  private deaf: () => void = () => {};

  constructor(
    private readonly state: ServiceState,
    private readonly fleet: Fleet,
  ) {}

  onApplicationBootstrap(): void {
    this.deaf = this.fleet.hear(TOPIC, ({ enabled, detail, retry_after_ms: retryAfterMs }) => {
      this.apply({
        enabled: enabled === true,
        ...(typeof detail === 'string' && { detail }),
        ...(typeof retryAfterMs === 'number' && { retryAfterMs }),
      });
    });
  }

  onApplicationShutdown(): void {
    this.deaf();
  }

  /** For this process and all that hear of it. */
  set(order: MaintenanceOrder): void {
    this.apply(order);
    const { detail = null, retryAfterMs = null, enabled } = order;
    this.fleet.tell(TOPIC, { enabled, detail, retry_after_ms: retryAfterMs });
  }

  /** For this process alone: a signal is sent to one. */
  toggle(): void {
    this.apply({ enabled: this.state.maintenance === undefined });
  }

  private apply({ enabled, detail = DETAIL, retryAfterMs = RETRY_AFTER_MS }: MaintenanceOrder): void {
    this.state.maintenance = enabled
      ? { since: this.state.maintenance?.since ?? new Date(), detail, retryAfterMs }
      : undefined;
    const facts = { event: events.maintenanceChanged, enabled, ...(enabled && { detail }) };
    this.logger.warn(facts, enabled ? `Maintenance: ${detail}` : 'Maintenance is over');
  }
}
