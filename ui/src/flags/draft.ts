import { conditionOf, rowsOf, type Row } from './condition';
import { alike, members } from './diff';
import type { Audience, Flag, Rule, State, ValueType } from './types';
import { rulesOf, typeOf } from './types';

// A state as it is being edited: whatever was typed is kept as it was typed, also what is no value yet. It is plain data, so that it can be put away and found again.

// A value's text; null is JSON's null, undefined that none is set.
export type Typed = string | null | undefined;

export interface RuleDraft {
  key: number;
  // The rule as it was: its members that have no field stay.
  from: Rule;
  as: 'fields' | 'json';
  json: string;
  id: string;
  // Rows, or the condition as JSON where it cannot be said by rows.
  rows: Row[] | null;
  condition: string;
  gives: 'force' | 'variations';
  force: Typed;
  share: string;
  name: string;
  variations: { value: Typed; weight: string; meta?: unknown }[];
}

export interface Draft {
  // What it began with.
  from: State;
  shape: 'rules' | 'audience';
  off: Typed;
  otherwise: Typed;
  rules: RuleDraft[];
  audience: Required<Omit<Audience, 'everyone' | 'percent' | 'languages' | 'groups' | 'users'>> & { everyone: 'all' | 'none' | ''; percent: string; languages: string; groups: string; users: string };
  percent: string;
}

export type Faults = Record<string, string>;

export function typed(type: ValueType, v: unknown): Typed {
  if (v === undefined || v === null) return v;
  if (type === 'string' && typeof v === 'string') return v;
  return type === 'json' ? JSON.stringify(v, null, 2) : typeof v === 'string' ? v : JSON.stringify(v);
}

// valueOf reads what was typed as a value of a type.
export function valueOf(type: ValueType, text: Typed): { value: unknown } | { fault: string } {
  if (text === undefined || text === null) return { value: text };
  switch (type) {
    case 'boolean':
      return text === 'true' || text === 'false' ? { value: text === 'true' } : { fault: 'Choose true or false.' };
    case 'string':
      return { value: text };
    case 'number': {
      const n = Number(text);
      return text.trim() !== '' && Number.isFinite(n) ? { value: n } : { fault: 'Write a number, such as 12.5.' };
    }
    default:
      return parsed(text);
  }
}

export function parsed(text: string): { value: unknown } | { fault: string } {
  try {
    return { value: JSON.parse(text) };
  } catch (cause) {
    return { fault: `This is not JSON yet: ${(cause as Error).message}` };
  }
}

const percentOf = (share: number | undefined) => (share === undefined ? '' : String(Number((share * 100).toPrecision(8))));

// shareOf reads a percentage as a share from 0 to 1.
function shareOf(text: string): number | undefined {
  const n = Number(text.replace('%', ''));
  return text.trim() === '' || !Number.isFinite(n) || n < 0 || n > 100 ? undefined : Number((n / 100).toPrecision(8));
}

const list = (l: string[] | null | undefined) => (l ?? []).join('\n');
const lines = (text: string) => [...new Set(text.split(/[\n,]+/).map((t) => t.trim()).filter(Boolean))];

export function begin(flag: Pick<Flag, 'kind' | 'type'>, state: State | undefined): Draft {
  const from: State = state ?? { on: false };
  const type = typeOf(flag);
  const a = from.audience;
  return {
    from,
    shape: a ? 'audience' : 'rules',
    off: typed(type, from.off),
    otherwise: typed(type, from.default),
    rules: rulesOf(from).map((r, i) => ruleDraft(type, r, i)),
    audience: {
      everyone: a?.everyone === true ? 'all' : a?.everyone === false ? 'none' : '',
      percent: a?.percent ? String(a.percent) : '',
      testing: a?.testing ?? false, superusers: a?.superusers ?? false, staff: a?.staff ?? false, authenticated: a?.authenticated ?? false, rollout: a?.rollout ?? false,
      languages: list(a?.languages), groups: list(a?.groups), users: list(a?.users), note: a?.note ?? '',
    },
    percent: from.percent ? String(from.percent) : '',
  };
}

export function ruleDraft(type: ValueType, r: Rule, key: number): RuleDraft {
  const rows = rowsOf(r.condition);
  const known = typeof r === 'object' && r !== null && ('force' in r || Array.isArray(r.variations));
  const weights = Array.isArray(r.weights) ? r.weights : [];
  return {
    key, from: r, as: known ? 'fields' : 'json', json: JSON.stringify(r, null, 2), id: typeof r.id === 'string' ? r.id : '',
    rows: rows ?? null, condition: r.condition === undefined ? '' : JSON.stringify(r.condition, null, 2),
    gives: 'force' in r || !Array.isArray(r.variations) ? 'force' : 'variations',
    force: typed(type, r.force), share: percentOf(r.coverage), name: typeof r.key === 'string' ? r.key : '',
    variations: (Array.isArray(r.variations) ? r.variations : []).map((v, i) => ({ value: typed(type, v), weight: percentOf(weights[i]), ...(r.meta?.[i] !== undefined ? { meta: r.meta[i] } : {}) })),
  };
}

export const nextKey = (d: Draft) => d.rules.reduce((most, r) => Math.max(most, r.key), -1) + 1;

// newRule is one for everybody, to be narrowed. The second version of the hash spreads visitors better.
export function newRule(type: ValueType, key: number): RuleDraft {
  const first: Record<ValueType, unknown> = { boolean: true, string: '', number: 0, json: {} };
  return ruleDraft(type, { force: first[type], hashVersion: 2 }, key);
}

// others are the members of a rule that have no field.
const fields = ['id', 'condition', 'force', 'coverage', 'variations', 'weights', 'key', 'meta', 'hashVersion'];
export const others = (r: RuleDraft): string[] => Object.keys(r.from).filter((k) => !fields.includes(k));

// ruleOf makes a draft a rule; faults are said by field.
export function ruleOf(type: ValueType, r: RuleDraft): { rule: Rule; faults: Faults } {
  const faults: Faults = {};
  if (r.as === 'json') {
    const read = parsed(r.json);
    if ('fault' in read) return { rule: r.from, faults: { json: read.fault } };
    return { rule: read.value as Rule, faults };
  }
  const rule: Rule = { ...r.from };
  const put = (name: string, v: unknown) => (v === undefined ? delete rule[name] : (rule[name] = v));
  put('id', r.id.trim() || undefined);
  if (r.rows) {
    const made = conditionOf(r.rows);
    made.faults.forEach((f, i) => (faults[`rows[${i}]`] = f));
    put('condition', made.value);
  } else if (r.condition.trim() === '') put('condition', undefined);
  else {
    const read = parsed(r.condition);
    if ('fault' in read) faults['condition'] = read.fault;
    else put('condition', read.value);
  }
  if (r.share.trim() === '') put('coverage', undefined);
  else if (shareOf(r.share) === undefined) faults['share'] = 'A percentage, from 0 to 100; nothing for all.';
  else if (!alike(percentOf(r.from.coverage), r.share)) put('coverage', shareOf(r.share));
  if (r.gives === 'force') {
    for (const name of ['variations', 'weights', 'meta', 'key']) put(name, undefined);
    const v = valueOf(type, r.force ?? null);
    if ('fault' in v) faults['force'] = v.fault;
    else put('force', v.value);
  } else {
    put('force', undefined);
    variations(type, r, put, faults);
  }
  return { rule, faults };
}

function variations(type: ValueType, r: RuleDraft, put: (name: string, v: unknown) => void, faults: Faults) {
  put('key', r.name.trim() || undefined);
  if (r.variations.length < 2) faults['variations'] = 'An experiment has two variations or more.';
  const values = r.variations.map((v, i) => {
    const read = valueOf(type, v.value ?? null);
    if ('fault' in read) faults[`variations[${i}]`] = read.fault;
    return 'value' in read ? read.value : null;
  });
  put('variations', values);
  put('meta', r.variations.some((v) => v.meta !== undefined) ? r.variations.map((v) => v.meta ?? {}) : undefined);
  if (r.variations.every((v) => v.weight.trim() === '')) return put('weights', undefined);
  const before = r.from.weights ?? [];
  const weights = r.variations.map((v, i) => (before[i] !== undefined && percentOf(before[i]) === v.weight ? before[i] : shareOf(v.weight)));
  const sum = weights.reduce<number>((s, w) => s + (w ?? 0), 0);
  if (weights.some((w) => w === undefined)) faults['weights'] = 'Each variation needs a percentage, or none does: they are then alike.';
  else if (Math.abs(sum - 1) > 0.001) faults['weights'] = `Together they are ${percentOf(sum)} %; they must be 100 %.`;
  else put('weights', weights);
}

// build makes a draft a state. Faults are by the path of the member; what has one is left as it was.
export function build(flag: Pick<Flag, 'kind' | 'type'>, d: Draft, on = d.from.on): { state: State; faults: Faults } {
  const faults: Faults = {};
  const state: State = { on };
  if (flag.kind === 'sample') {
    const n = Number(d.percent);
    if (!Number.isFinite(n) || n < 0 || n > 100) faults['percent'] = 'A percentage, from 0 to 100.';
    else if (n > 0) state.percent = n;
    return { state, faults };
  }
  if (flag.kind === 'switch') return { state, faults };
  if (d.shape === 'audience') return { state: { ...state, audience: audienceOf(d, faults) }, faults };
  const type = typeOf(flag);
  for (const [member, text] of [['off', d.off], ['default', d.otherwise]] as const) {
    const read = valueOf(type, text);
    if ('fault' in read) faults[member] = read.fault;
    else if (read.value !== undefined) state[member] = read.value;
  }
  if (d.rules.length > 0) {
    state.rules = d.rules.map((r, i) => {
      const made = ruleOf(type, r);
      for (const [field, text] of Object.entries(made.faults)) faults[`rules[${i}].${field}`] = text;
      return made.rule;
    });
  }
  return { state, faults };
}

function audienceOf(d: Draft, faults: Faults): Audience {
  const a = d.audience;
  const out: Audience = {};
  if (a.everyone) out.everyone = a.everyone === 'all';
  const n = Number(a.percent);
  if (!Number.isFinite(n) || n < 0 || n > 99.9 || !/^\d*(\.\d)?$/.test(a.percent.trim())) faults['audience.percent'] = 'A percentage from 0 to 99.9, with one place behind the point. For all, choose everyone.';
  else if (n > 0) out.percent = n;
  for (const name of ['testing', 'superusers', 'staff', 'authenticated', 'rollout'] as const) if (a[name]) out[name] = true;
  for (const name of ['languages', 'groups', 'users'] as const) if (lines(a[name]).length > 0) out[name] = lines(a[name]);
  if (a.note.trim()) out.note = a.note.trim();
  return out;
}

// touched tells whether anything was typed that would be lost.
export function touched(flag: Pick<Flag, 'kind' | 'type'>, d: Draft): boolean {
  return !alike({ ...d, from: undefined }, { ...begin(flag, d.from), from: undefined });
}

// overtaken tells whether the state changed under a draft; whether it is on is not the draft's matter.
export function overtaken(d: Draft, now: State | undefined): boolean {
  const { on: _was, ...a } = members(d.from);
  const { on: _is, ...b } = members(now);
  return !alike(a, b);
}

// Drafts outlive the page that they were typed on, for as long as the tab of the browser.
const place = (flag: string, environment: string) => `slipway.flag.${flag}.${environment}`;

export function recall(flag: string, environment: string): Draft | undefined {
  try {
    const kept = sessionStorage.getItem(place(flag, environment));
    return kept === null ? undefined : (JSON.parse(kept) as Draft);
  } catch {
    return undefined;
  }
}

export function keep(flag: string, environment: string, draft: Draft | undefined) {
  try {
    if (draft) sessionStorage.setItem(place(flag, environment), JSON.stringify(draft));
    else sessionStorage.removeItem(place(flag, environment));
  } catch {
    // no room, or none is allowed: the draft lives as long as the page
  }
}
