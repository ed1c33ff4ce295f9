import type { Selection } from '../api/types';
import { cohortIntervalOf, intervalOf, lastingOf, rangeOf, readSelection, readSteps, writeSelection, zone } from './question';

// Questions that are kept under a name: as the server has them, and as addresses of pages have them.
export type Kind = 'sql' | 'trend' | 'funnel' | 'retention';

const tabs: Record<Kind, string> = { sql: 'sql', trend: 'trends', funnel: 'funnel', retention: 'retention' };
const kinds = Object.keys(tabs) as Kind[];
export const tabOf = (kind: Kind): string => tabs[kind];
export const kindOf = (tab: string): Kind | undefined => kinds.find((k) => tabs[k] === tab);
export const kindWord: Record<Kind, string> = { sql: 'SQL', trend: 'Trend', funnel: 'Funnel', retention: 'Retention' };

type Kept = Record<string, unknown>;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

// What a page asks when its address does not say.
const usual: Record<Kind, string> = { sql: '', trend: '7d', funnel: '7d', retention: '30d' };

function spanOf(kind: Kind, at: URLSearchParams, now: number): Kept | undefined {
  const [from, to] = [at.get('from') ?? '', at.get('to') ?? ''];
  if (from === '' && to === '') {
    const last = at.get('last') ?? '';
    return { last: lastingOf(last) ? last : usual[kind] };
  }
  const range = rangeOf('', from, to, now);
  return range && { from: new Date(range.from).toISOString(), to: new Date(range.to).toISOString() };
}

// keptOf is the question of an address as the server keeps it; undefined when it does not say enough to be asked.
export function keptOf(kind: Kind, at: URLSearchParams, environment: string, now: number): Kept | undefined {
  const sql = at.get('sql')?.trim() ?? '';
  if (kind === 'sql') return sql === '' ? undefined : { sql };
  const span = spanOf(kind, at, now);
  const range = rangeOf(text(span?.['last']), at.get('from') ?? '', at.get('to') ?? '', now);
  if (!span || !range) return undefined;
  const scope = { ...span, environment };
  if (kind === 'funnel') {
    const steps = readSteps(at.get('steps') ?? '');
    return steps.every((s) => writeSelection(s) !== '') ? { ...scope, steps, within_seconds: Number(at.get('within')) || 604_800 } : undefined;
  }
  if (kind === 'retention') {
    return { ...scope, zone: zone(), first: readSelection(at.get('first') ?? ''), back: readSelection(at.get('back') ?? ''), interval: cohortIntervalOf(at.get('interval') ?? '', range) };
  }
  const measure = at.get('measure') || 'events';
  const [of, split] = [at.get('of') ?? '', at.get('split') ?? ''];
  const counts = measure === 'events' || measure === 'visitors';
  if (!counts && of === '') return undefined;
  return { ...scope, zone: zone(), ...readSelection(at.get('what') ?? ''), measure, interval: intervalOf(at.get('interval') ?? '', range), ...(counts ? {} : { of }), ...(split ? { split } : {}) };
}

// field is a moment as the fields for times have it, by the clock of who reads.
function field(moment: string): string {
  const d = new Date(moment);
  return Number.isNaN(d.getTime()) ? '' : new Date(d.getTime() - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

// parametersOf is what an address says that asks a kept question.
export function parametersOf(kind: Kind, kept: Kept): Record<string, string> {
  if (kind === 'sql') return { sql: text(kept['sql']) };
  const out: Record<string, string> = { environment: text(kept['environment']) };
  if (kept['last']) out['last'] = text(kept['last']);
  else Object.assign(out, { from: field(text(kept['from'])), to: field(text(kept['to'])) });
  if (kind === 'funnel') {
    out['steps'] = JSON.stringify(kept['steps'] ?? []);
    out['within'] = String(kept['within_seconds'] ?? '');
  } else {
    out['interval'] = text(kept['interval']);
  }
  if (kind === 'retention') Object.assign(out, { first: writeSelection((kept['first'] ?? {}) as Selection), back: writeSelection((kept['back'] ?? {}) as Selection) });
  if (kind === 'trend') Object.assign(out, { what: writeSelection(kept as Selection), measure: kept['measure'] === 'events' ? '' : text(kept['measure']), of: text(kept['of']), split: text(kept['split']) });
  for (const [name, value] of Object.entries(out)) if (value === '') delete out[name];
  return out;
}

// same tells whether an address asks what is kept: both are put into the same words first.
export function same(kind: Kind, at: URLSearchParams, kept: Kept, environment: string, now: number): boolean {
  const words = (q: Kept | undefined) => JSON.stringify(q, Object.keys(q ?? {}).sort().concat(inner));
  const back = new URLSearchParams(parametersOf(kind, kept));
  return words(keptOf(kind, at, environment, now)) === words(keptOf(kind, back, text(kept['environment']) || environment, now));
}
const inner = ['event', 'kind', 'where', 'property', 'is', 'value'];
