import type { Answer, FaultCount, LearnedEvent, Plan, PlannedEvent } from '../api/types';
import { literal, ownFirst } from './question';

// broken is the failure of a change that would break what counts events: nothing is changed yet.
export const broken = 'plan-breaks';

// more stands for names beyond those that are learnt one by one: it is nobody's name.
export const more = '(more)';

// What the page about the tracking plan reckons: what was seen and what is planned, side by side.
type Named = { kind?: string; name?: string };

export const keyOf = (e: Named): string => `${e.kind || 'track'} ${e.name ?? ''}`;
// titleOf is how people call an event: those of some kinds never have a name.
export const titleOf = (e: Named): string => e.name || (['identify', 'group', 'alias'].includes(e.kind ?? '') ? e.kind! : `${e.kind || 'track'} without a name`);

export interface PlanRow {
  key: string;
  kind: string;
  name: string;
  seen?: LearnedEvent;
  planned?: PlannedEvent;
  faults: number;
}

// rowsOf puts what is planned and what was seen together: what was seen most comes first, what was never seen last.
export function rowsOf(plan: Plan | undefined, seen: LearnedEvent[], faults: FaultCount[]): PlanRow[] {
  const rows = new Map<string, PlanRow>();
  const row = (e: Named): PlanRow => {
    const key = keyOf(e);
    if (!rows.has(key)) rows.set(key, { key, kind: e.kind || 'track', name: e.name ?? '', faults: 0 });
    return rows.get(key)!;
  };
  for (const s of seen) row(s).seen = s;
  for (const p of plan?.events ?? []) row(p).planned = p;
  for (const f of faults) {
    const known = rows.get(keyOf(f));
    if (known) known.faults += f.count;
  }
  return [...rows.values()].sort((a, b) => (b.seen?.count ?? -1) - (a.seen?.count ?? -1) || a.key.localeCompare(b.key));
}

export type Standing = 'planned' | 'faults' | 'unseen' | 'unplanned' | 'against';

// standingOf says how an event stands to the plan. Not to be planned is a fault only where the plan says what there may be.
export function standingOf(r: PlanRow, plan: Plan | undefined): Standing {
  if (r.planned) return !r.seen ? 'unseen' : r.faults > 0 ? 'faults' : 'planned';
  return plan && plan.mode !== 'observe' && r.kind === 'track' && !plan.additional_events ? 'against' : 'unplanned';
}

type Schema = Record<string, unknown>;
const object = (v: unknown): Schema => (typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Schema) : {});
const list = (v: unknown): string[] => (Array.isArray(v) ? v.map(String) : typeof v === 'string' ? [v] : []);

export interface PropertyRow {
  name: string;
  types: { type: string; count: number }[];
  // How many of the events had it.
  count: number;
  plan: string;
  standing: 'planned' | 'differs' | 'unplanned' | 'unseen';
}

// planOf says in a few words what a schema wants of a property.
function planOf(schema: unknown, required: boolean): string {
  const s = object(schema);
  const kind = list(s.type).join(' or ') || (Array.isArray(s.enum) ? `one of ${s.enum.length}` : schema === false ? 'not allowed' : 'anything');
  return kind + (required ? ', required' : '');
}

// propertiesOf are those that were seen and those that are planned, each with what the plan says of it.
export function propertiesOf(r: PlanRow): PropertyRow[] {
  const schema = object(r.planned?.schema);
  const wanted = object(schema.properties);
  const required = list(schema.required);
  const rows = new Map<string, PropertyRow>();
  for (const p of r.seen?.properties ?? []) {
    const known = rows.get(p.name) ?? { name: p.name, types: [], count: 0, plan: '', standing: 'unplanned' as const };
    known.types.push({ type: p.type, count: p.count });
    known.count = Math.min(r.seen!.count, known.count + p.count);
    rows.set(p.name, known);
  }
  for (const row of rows.values()) row.types.sort((a, b) => b.count - a.count);
  for (const name of new Set([...Object.keys(wanted), ...required])) if (!rows.has(name)) rows.set(name, { name, types: [], count: 0, plan: '', standing: 'unseen' });
  for (const row of rows.values()) {
    const named = row.name in wanted || required.includes(row.name);
    if (r.planned && !named) row.plan = schema.additionalProperties === false ? 'not allowed' : 'not in the plan';
    if (named) row.plan = planOf(wanted[row.name], required.includes(row.name));
    const types = list(object(wanted[row.name]).type);
    const other = types.length > 0 && row.types.some((t) => !types.includes(t.type) && !(t.type === 'number' && types.includes('integer')));
    const lacking = required.includes(row.name) && r.seen !== undefined && row.count < 0.9995 * r.seen.count;
    if (row.types.length > 0 && named) row.standing = 'planned';
    if (other || row.plan === 'not allowed' || (lacking && row.types.length > 0)) row.standing = 'differs';
  }
  return ownFirst([...rows.values()].sort((a, b) => b.count - a.count || a.name.localeCompare(b.name)), (row) => row.name);
}

// schemaOf makes a schema of what was seen: each property with the types that it came with. Nothing is required, and what is new is allowed: both are for people to say.
export function schemaOf(seen: LearnedEvent): Schema {
  const properties: Record<string, Schema> = {};
  for (const p of propertiesOf({ key: '', kind: seen.kind, name: seen.name, seen, faults: 0 })) {
    if (p.name === more) continue;
    const types = p.types.map((t) => t.type);
    properties[p.name] = { type: types.length === 1 ? types[0] : types };
  }
  return { type: 'object', properties };
}

// planned is the plan with another schema for one event; without a schema the event is taken out.
export function planned(plan: Plan, e: Named, schema?: unknown): PlannedEvent[] {
  const others = plan.events.filter((p) => keyOf(p) !== keyOf(e));
  if (schema === undefined) return others;
  const made = { kind: e.kind || 'track', ...(e.name ? { name: e.name } : {}), schema } as PlannedEvent;
  const at = plan.events.findIndex((p) => keyOf(p) === keyOf(e));
  return at < 0 ? [...others, made] : others.toSpliced(at, 0, made);
}

export const volumeDays = 14;
const day = 86_400_000;
const stamp = (ms: number) => 'TIMESTAMP ' + literal(new Date(ms).toISOString().slice(0, 23).replace('T', ' '));

// volumeQuestion counts each event by day; volumesOf reads the answer.
export const volumeQuestion = (now: number): string =>
  `SELECT kind, coalesce(name, '') AS name, date_trunc('day', time) AS day, count(*) AS events FROM events WHERE time >= ${stamp(Math.floor(now / day - volumeDays + 1) * day)} GROUP BY 1, 2, 3 ORDER BY 4 DESC`;

export function volumesOf(answer: Answer | undefined, now: number): Map<string, number[]> {
  const out = new Map<string, number[]>();
  const first = Math.floor(now / day) - volumeDays + 1;
  for (const row of answer?.rows ?? []) {
    const [kind, name, at, count] = row ?? [];
    const i = Math.floor(Date.parse(String(at)) / day) - first;
    if (i < 0 || i >= volumeDays) continue;
    const key = keyOf({ kind: String(kind), name: String(name) });
    if (!out.has(key)) out.set(key, Array(volumeDays).fill(0));
    out.get(key)![i] = Number(count);
  }
  return out;
}

// exampleQuestions look for the last event that was not as planned: among those that were taken, and among those that were not.
export function exampleQuestions(f: FaultCount): string[] {
  const around = `received >= ${stamp(Date.parse(f.last) - 1000)} AND received <= ${stamp(Date.parse(f.last) + 1000)}`;
  const message = (f.path ? `${f.path}: ` : '') + f.fault;
  return [
    `SELECT properties FROM events WHERE ${around} AND message_id = ${literal(f.example ?? '')} LIMIT 1`,
    `SELECT raw FROM failed WHERE ${around} AND reason = 'plan' AND message = ${literal(message)} ORDER BY seq DESC LIMIT 1`,
  ];
}
