import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { AppError } from '../kernel/app-error.js';
import { ServiceState } from '../kernel/service-state.js';
import { scopeOf } from './access.js';

/** While operators work, callers are told when to come again. Probes, and operators themselves, are answered. */
@Injectable()
export class MaintenanceGuard implements CanActivate {
  constructor(private readonly state: ServiceState) {}

  canActivate(context: ExecutionContext): boolean {
    const { maintenance } = this.state;
    if (maintenance === undefined) return true;
    const scope = scopeOf(context);
    if (scope === 'public' || scope === 'operate') return true;
    throw new AppError('maintenance', maintenance.detail, { retryAfterMs: maintenance.retryAfterMs });
  }
}
