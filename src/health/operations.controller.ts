import { Body, Controller, HttpCode, Param, Post, Put } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Scope } from '../http/access.js';
import { Answers } from '../http/openapi.js';
import { ServiceState } from '../kernel/service-state.js';
import type { Dependency } from '../resilience/dependency.js';
import { CircuitOrders } from './circuit.orders.js';
import { MaintenanceSwitch } from './maintenance.js';
import {
  circuitPath,
  circuitResponse,
  maintenanceRequest,
  maintenanceResponse,
} from './operations.schemas.js';

type CircuitPath = z.output<typeof circuitPath>;
type CircuitView = z.output<typeof circuitResponse>;
type MaintenanceRequest = z.output<typeof maintenanceRequest>;
type MaintenanceView = z.output<typeof maintenanceResponse>;

/** What operators may do to a service that runs. */
@ApiTags('Operations')
@Controller('api/v1/operations')
export class OperationsController {
  constructor(
    private readonly circuits: CircuitOrders,
    private readonly maintenance: MaintenanceSwitch,
    private readonly state: ServiceState,
  ) {}

  @Post('circuits/:dependency/isolate')
  @ApiOperation({
    summary: 'Keeps all callers away from a dependency until `reset`, whatever its checks say.',
  })
  @HttpCode(200)
  @Scope('operate')
  @Answers(200, circuitResponse)
  isolate(@Param({ schema: circuitPath }) { dependency }: CircuitPath): CircuitView {
    return view(this.circuits.give(dependency, 'isolate'));
  }

  @Post('circuits/:dependency/reset')
  @ApiOperation({ summary: 'Closes the circuit of a dependency now, and forgets what led to it.' })
  @HttpCode(200)
  @Scope('operate')
  @Answers(200, circuitResponse)
  reset(@Param({ schema: circuitPath }) { dependency }: CircuitPath): CircuitView {
    return view(this.circuits.give(dependency, 'reset'));
  }

  @Put('maintenance')
  @ApiOperation({
    summary:
      'Begins or ends maintenance: callers get 503 with Retry-After, readiness is off, operators and probes are answered.',
  })
  @Scope('operate')
  @Answers(200, maintenanceResponse)
  maintain(@Body({ schema: maintenanceRequest }) body: MaintenanceRequest): MaintenanceView {
    const { enabled, detail, retry_after_s: seconds } = body;
    this.maintenance.set({
      enabled,
      ...(detail !== undefined && { detail }),
      ...(seconds !== undefined && { retryAfterMs: seconds * 1_000 }),
    });
    const { maintenance } = this.state;
    return {
      enabled,
      since: maintenance?.since.toISOString() ?? null,
      detail: maintenance?.detail ?? null,
      retry_after_s: maintenance === undefined ? null : maintenance.retryAfterMs / 1_000,
    };
  }
}

function view({ name, status, circuit }: Dependency): CircuitView {
  return { dependency: name, status: status.state, circuit: circuit.at };
}
