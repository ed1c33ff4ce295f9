import type { Lease, Unit } from '../api/types';
import { ms } from '../words/time';

// One bar of the picture: a unit that ran, or the part of a lease that is no unit (setting up, listing, packaging).
export interface Bar {
  key: string;
  text: string;
  note: string;
  status: string;
  lease: string;
  from: number;
  to: number;
  lane: number;
}

export interface WorkerRow {
  worker: string;
  lanes: number;
  // When it held a lease, from the first byte to the last: what no unit explains is compiling and waiting.
  spans: { from: number; to: number }[];
  bars: Bar[];
}

const most = 4;

// rows lays out what each worker did over time. Units of one lease may run at once, so a worker has as many lanes as overlap, at most four.
export function rows(units: Unit[], leases: Lease[], now: number): WorkerRow[] {
  const workers = new Map<string, Bar[]>();
  const spans = new Map<string, { from: number; to: number }[]>();
  const add = (worker: string, bar: Omit<Bar, 'lane'>) => {
    const bars = workers.get(worker) ?? [];
    bars.push({ ...bar, lane: 0 });
    workers.set(worker, bars);
  };
  for (const lease of leases) {
    const start = ms(lease.started_at ?? lease.granted_at);
    const end = lease.ended_at ? ms(lease.ended_at) : now;
    spans.set(lease.worker, [...(spans.get(lease.worker) ?? []), { from: start, to: end }]);
    if (lease.kind !== 'test') {
      add(lease.worker, { key: lease.id, text: lease.kind, note: lease.reason ?? '', status: lease.state === 'running' ? 'running' : lease.kind, lease: lease.id, from: start, to: end });
      continue;
    }
    if (lease.setup_ms > 0) {
      add(lease.worker, { key: lease.id, text: 'setup', note: 'getting the commit and the caches ready', status: 'setup', lease: lease.id, from: start, to: Math.min(end, start + lease.setup_ms) });
    }
    if (lease.state === 'lost') {
      add(lease.worker, { key: lease.id + 'lost', text: 'lost', note: lease.reason || 'the worker fell silent; its units ran elsewhere', status: 'lost', lease: lease.id, from: start + lease.setup_ms, to: end });
    }
  }
  const byLease = new Map(leases.map((l) => [l.id, l]));
  const cursor = new Map<string, number>();
  for (const unit of units) {
    if (!unit.worker || !unit.lease || unit.status === 'waiting') continue;
    const lease = byLease.get(unit.lease);
    const guess = cursor.get(unit.lease) ?? (lease ? ms(lease.started_at ?? lease.granted_at) + lease.setup_ms : NaN);
    const from = unit.started_at ? ms(unit.started_at) : guess;
    if (!Number.isFinite(from)) continue;
    const to = unit.status === 'running' ? Math.max(now, from) : from + unit.duration_ms;
    cursor.set(unit.lease, to);
    add(unit.worker, { key: unit.suite + ' ' + unit.unit, text: unit.unit, note: unit.suite, status: unit.status, lease: unit.lease, from, to });
  }
  return [...workers]
    .map(([worker, bars]) => ({ worker, bars: bars.sort((a, b) => a.from - b.from), lanes: stack(bars), spans: spans.get(worker) ?? [] }))
    .sort((a, b) => a.worker.localeCompare(b.worker, 'en', { numeric: true }));
}

// stack gives each bar the first lane that is free when it starts, and returns how many were needed.
function stack(bars: Bar[]): number {
  const ends: number[] = [];
  for (const bar of bars) {
    let lane = ends.findIndex((end) => end <= bar.from + 1);
    if (lane < 0) lane = ends.length < most ? ends.length : ends.indexOf(Math.min(...ends));
    bar.lane = lane;
    ends[lane] = Math.max(ends[lane] ?? 0, bar.to);
  }
  return Math.max(1, ends.length);
}

// ticks are round marks on an axis from 0 to span milliseconds, about as many as wanted.
export function ticks(span: number, wanted: number): number[] {
  const steps = [50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000];
  const step = steps.find((s) => span / s <= wanted) ?? span;
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, i) => i * step);
}
