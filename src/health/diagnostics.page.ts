import { createHash } from 'node:crypto';
import type { Vital } from '../telemetry/vitals.js';
import type { DiagnosticsReport } from './diagnostics.js';
import type { RootCause } from './root.cause.js';

const REFRESH_S = 5;

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #59636e; --paper: #fff; --card: #f6f8fa; --line: #d1d9e0;
  --up: #1a7f37; --degraded: #9a6700; --down: #cf222e }
@media (prefers-color-scheme: dark) { :root { --ink: #f0f6fc; --dim: #9198a1; --paper: #0d1117; --card: #151b23;
  --line: #3d444d; --up: #3fb950; --degraded: #d29922; --down: #f85149 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 68rem; padding: 1rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.25rem; margin: 0 }
h2 { font-size: 1rem; margin: 1.75rem 0 .5rem }
p { margin: .25rem 0; overflow-wrap: anywhere }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere }
header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline }
header p, .dim { color: var(--dim) }
.state { font-weight: 600; white-space: nowrap }
.state::before { content: "● " }
.up, .ready, .ok { color: var(--up) }
.degraded, .waiting, .pending, .running { color: var(--degraded) }
.down, .not_ready, .shutting_down, .failed { color: var(--down) }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; margin-top: .75rem }
.root { border-left: .375rem solid var(--down) }
.root h2 { font-size: 1.125rem; margin: 0 0 .25rem }
.well { border-left: .375rem solid var(--up) }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .125rem 1rem; margin: .5rem 0 0 }
dt { color: var(--dim) }
dd { margin: 0; overflow-wrap: anywhere }
table { width: 100%; border-collapse: collapse }
th, td { text-align: left; padding: .375rem .75rem .375rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: anywhere }
th { color: var(--dim); font-weight: 500 }
td.w, th.w { white-space: nowrap }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
@media (max-width: 40rem) {
  table, tbody, tr, td { display: block }
  thead { display: none }
  tr { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .75rem; margin-top: .5rem; background: var(--card) }
  td, td.n, td.w { white-space: normal; border: 0; padding: .0625rem 0; text-align: left }
  td:empty { display: none }
  td[data-of]::before { content: attr(data-of) ": "; color: var(--dim) }
}`;

/** What the page may do: show itself. No script, nothing from elsewhere, in nobody's frame. */
export const PAGE_POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;

/** Diagnostics for a browser, from a telephone up: what to mend first, then everything else. It refreshes itself and needs nothing from elsewhere. */
export function diagnosticsPage(report: DiagnosticsReport): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="${REFRESH_S}">
<title>${text(report.status)}: ${text(report.service)}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${text(report.service)} ${text(report.version)}</h1>
<span class="state ${text(report.status)}">${text(report.status)}</span>
<p>${text(report.environment)}, up for ${duration(report.uptime_s)}, as of ${text(report.timestamp)}</p>
</header>
${report.maintenance === null ? '' : `<section class="card"><p>Maintenance since ${text(report.maintenance.since.toISOString())}: ${text(report.maintenance.detail)}</p></section>`}
${rootCause(report.root_cause)}
${report.others.map(other).join('\n')}
${report.consequences.length === 0 ? '' : `<p class="dim">Unwell because of it: ${text(report.consequences.join(', '))}</p>`}
<h2>Dependencies</h2>
${dependencies(report)}
<h2>Requests</h2>
<dl>${facts({
    'in flight': report.traffic.in_flight,
    'overloaded since': report.load.stores.overloaded_since ?? report.load.models.overloaded_since,
    'per second, last minute': report.traffic.requests_per_s,
    'p50 / p99': latencies(report.traffic.latency_ms),
    'errors, last minute': counts(report.traffic.errors),
  })}</dl>
<h2>Queues and index</h2>
<dl>${facts({ ...flat(report.queues), ...flat(report.projection) })}</dl>
<h2>Start</h2>
${start(report)}
<h2>Process</h2>
<dl>${facts({
    'memory (resident)': megabytes(report.system.memory.rss_bytes),
    'event loop, p99 delay': `${report.system.event_loop_delay_ms.p99} ms`,
    'CPU, share of one core': report.system.cpu_share,
    'load, 1 minute': `${report.system.load_1m?.toFixed(2)} on ${report.system.cpus} cores`,
    'disk, free':
      report.system.disk === null ? 'no data folder here' : megabytes(report.system.disk.free_bytes),
  })}</dl>
<h2>Recent changes</h2>
${changes(report)}
</body>
</html>
`;
}

function rootCause(cause: RootCause | null): string {
  if (cause === null) return '<section class="card well"><p>Nothing is known to be wrong.</p></section>';
  return `<section class="card root"><h2>${text(cause.dependency)}: ${text(cause.cause)}</h2><p>${prose(cause.fix)}</p>${about(cause)}</section>`;
}

function other(cause: RootCause): string {
  return `<section class="card"><p><strong>${text(cause.dependency)}: ${text(cause.cause)}</strong> ${prose(cause.fix)}</p>${about(cause)}</section>`;
}

function about({ since, affects, evidence, runbook }: RootCause): string {
  return `<dl>${facts({ since: when(new Date(since)), affects, evidence, runbook })}</dl>`;
}

function dependencies({ dependencies: all }: DiagnosticsReport): string {
  const rows = Object.entries(all).map(([name, d]) => {
    const { ok, slow, fault, neutral, refused } = d.calls;
    const error = d.last_error === null ? '' : `${d.last_error.operation}: ${d.last_error.message}`;
    return row([
      [
        undefined,
        `<strong>${text(name)}</strong> <span class="dim">${text(d.adapter)}, ${text(d.criticality)}</span>`,
      ],
      [undefined, `<span class="state ${text(d.status)}">${text(d.status)}</span> ${text(d.reason ?? '')}`],
      ['since', text(when(d.since)), 'w'],
      ['circuit', text(d.circuit), 'w'],
      ['calls', `${ok + slow + neutral} ok, ${fault} failed, ${refused} refused`, 'n'],
      ['p50 / p99', text(latencies(d.latency_ms)), 'n'],
      ['last error', text(error)],
    ]);
  });
  return table(['', 'status', 'since', 'circuit', 'calls', 'p50 / p99', 'last error'], rows, [4, 5]);
}

function start({ boot }: DiagnosticsReport): string {
  const rows = boot.map(({ step, verdict, took_ms, detail, remedy }) =>
    row([
      [undefined, `<strong>${text(step)}</strong>`],
      [undefined, `<span class="state ${verdict}">${verdict}</span>`],
      ['took', `${took_ms} ms`, 'n'],
      ['detail', text([detail, remedy ?? ''].join(' '))],
    ]),
  );
  return table(['step', 'verdict', 'took', 'detail'], rows, [2]);
}

function changes({ recent_changes: recent }: DiagnosticsReport): string {
  if (recent.length === 0) return '<p class="dim">None since the start.</p>';
  const rows = recent.slice(0, 20).map(({ at, dependency, from, to, reason }) =>
    row([
      [undefined, text(when(at)), 'w'],
      [undefined, `<strong>${text(dependency)}</strong>`],
      [undefined, `${from} → <span class="${to}">${to}</span> ${text(reason ?? '')}`],
    ]),
  );
  return table(['at', 'dependency', 'change'], rows);
}

/** `n`: a number, `w`: not to be broken into lines. */
type Cell = [of: string | undefined, html: string, kind?: 'n' | 'w'];

function row(cells: readonly Cell[]): string {
  const html = cells.map(([of, content, kind]) => {
    const attributes = `${kind === undefined ? '' : ` class="${kind}"`}${of === undefined ? '' : ` data-of="${of}"`}`;
    return `<td${attributes}>${content}</td>`;
  });
  return `<tr>${html.join('')}</tr>`;
}

function table(titles: readonly string[], rows: readonly string[], numbers: readonly number[] = []): string {
  const head = titles.map((title, i) => `<th${numbers.includes(i) ? ' class="n"' : ''}>${title}</th>`);
  return `<table><thead><tr>${head.join('')}</tr></thead><tbody>${rows.join('\n')}</tbody></table>`;
}

function facts(all: Record<string, unknown>): string {
  return Object.entries(all)
    .filter(([, value]) => value !== null && value !== undefined && value !== '')
    .map(([name, value]) => `<dt>${text(name)}</dt><dd>${text(value)}</dd>`)
    .join('');
}

function flat(vital: Vital | null): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(vital ?? {}).map(([name, value]) => [name.replaceAll('_', ' '), value]),
  );
}

function counts(all: Record<string, number>): string {
  return Object.entries(all)
    .map(([name, n]) => `${n} × ${name}`)
    .join(', ');
}

function latencies(found: { p50: number; p99: number } | null): string {
  return found === null ? '' : `${found.p50.toFixed(1)} / ${found.p99.toFixed(1)} ms`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MB`;
}

function duration(seconds: number): string {
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3_600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

/** The time of day, and how long ago: what somebody who was woken wants to know. */
function when(at: Date): string {
  const agoS = Math.max(0, Math.round((Date.now() - at.getTime()) / 1_000));
  return `${at.toISOString().slice(11, 19)} UTC, ${duration(agoS)} ago`;
}

/** A sentence in which `code` is marked. */
function prose(sentence: string): string {
  return text(sentence).replaceAll(/`(.*?)`/g, '<code>$1</code>');
}

/** Whatever it is, it is text: an error's words come from elsewhere. */
function text(value: unknown): string {
  return String(value).replaceAll(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`);
}
