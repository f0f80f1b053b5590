import { SettingsError } from '../config/settings.js';
import { ExitCode } from '../kernel/exit-code.js';
import type { Reason } from '../resilience/dependency-error.js';
import { OpeningFailed } from '../resilience/opening.js';
import { remedyOf } from '../resilience/remedies.js';

const OF_REASON: Partial<Record<Reason, ExitCode>> = {
  unreachable: ExitCode.unreachable,
  hung: ExitCode.unreachable,
  timeout: ExitCode.unreachable,
  overloaded: ExitCode.unreachable,
  pool_exhausted: ExitCode.unreachable,
  unauthorized: ExitCode.unauthorized,
  read_only: ExitCode.unreachable,
  schema: ExitCode.schema,
  mismatch: ExitCode.dimension,
};

const CANNOT_LISTEN = new Set(['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN']);

/** Why a start failed: the code to end with, and what to tell the operator. */
export interface StartFailure {
  exitCode: ExitCode;
  message: string;
}

export function explain(error: unknown): StartFailure {
  if (error instanceof SettingsError) return { exitCode: ExitCode.settings, message: error.message };
  if (error instanceof OpeningFailed) {
    const own = ownCode(error.cause);
    if (own !== undefined) return { exitCode: own, message: (error.cause as Error).message };
    const remedy = remedyOf(error.reason);
    return {
      exitCode: OF_REASON[error.reason] ?? ExitCode.failed,
      message: `${error.message} (${error.reason}).${remedy === undefined ? '' : ` ${remedy}`}`,
    };
  }
  const code = (error as { code?: unknown })?.code;
  if (typeof code === 'string' && CANNOT_LISTEN.has(code)) {
    const { port, address, hostname } = error as { port?: number; address?: string; hostname?: string };
    const why = code === 'EADDRINUSE' ? 'is in use by another process' : `cannot be used (${code})`;
    return {
      exitCode: ExitCode.port,
      message: `${port === undefined ? `The host ${hostname ?? address}` : `Port ${port} on ${address}`} ${why}. Stop what holds it, or set PORT or HOST.`,
    };
  }
  return {
    exitCode: ownCode(error) ?? ExitCode.failed,
    message: error instanceof Error ? error.message : String(error),
  };
}

/** An error may know what the process ends with. */
function ownCode(error: unknown): ExitCode | undefined {
  const code = (error as { exitCode?: unknown })?.exitCode;
  return typeof code === 'number' ? (code as ExitCode) : undefined;
}
