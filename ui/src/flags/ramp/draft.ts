import type { NewRamp } from '../../api/schema';
import { conditionOf, type Row } from '../condition';
import { parsed, valueOf, type Faults, type Typed } from '../draft';
import type { ValueType } from '../types';

// A ramp as it is being typed: also what is none yet.

export const units = { min: 60, h: 3600, d: 86_400 };
export type Unit = keyof typeof units;
export interface StepDraft {
  share: string;
  time: string;
  unit: Unit;
}
export interface VitalDraft {
  event: string;
  bad: 'rise' | 'drop';
}
export interface Draft {
  value: Typed;
  rows: Row[] | null;
  condition: string;
  steps: StepDraft[];
  vitals: VitalDraft[];
  alarms: string;
  ruleOut: string;
  unknown: 'promote' | 'wait' | 'hold';
  attribute: string;
  reason: string;
}

const first: Record<ValueType, string> = { boolean: 'true', string: '', number: '', json: '{}' };

// begin is what is usual: 1, 10 and 50 %, an hour each.
export const begin = (type: ValueType): Draft => ({
  value: first[type],
  rows: [],
  condition: '',
  steps: ['1', '10', '50'].map((share) => ({ share, time: '1', unit: 'h' })),
  vitals: [{ event: '', bad: 'drop' }],
  alarms: '1',
  ruleOut: '2',
  unknown: 'promote',
  attribute: 'id',
  reason: '',
});

const number = (text: string) => (text.trim() === '' ? NaN : Number(text.replace('%', '').replace(',', '.')));
const month = 30 * 86_400;

// build makes it what the server is told; faults are by field. A name that is still missing is not said to be wrong.
export function build(type: ValueType, d: Draft): { ramp: NewRamp; faults: Faults; complete: boolean } {
  const faults: Faults = {};
  const ramp: NewRamp = { unknown: d.unknown };
  const value = valueOf(type, d.value ?? null);
  if ('fault' in value) faults['value'] = value.fault;
  else ramp.value = value.value;
  const empty = type !== 'string' && typeof d.value === 'string' && d.value.trim() === '';
  if (empty) delete faults['value'];
  putCondition(d, ramp, faults);
  ramp.steps = stepsOf(d.steps, faults);
  ramp.vitals = vitalsOf(d.vitals, faults);
  const alarms = number(d.alarms);
  if (!(alarms > 0 && alarms <= 1000)) faults['alarms'] = 'A number above 0, 1000 at most.';
  else ramp.false_alarms = alarms;
  const ruleOut = number(d.ruleOut);
  if (!(ruleOut > 1 && ruleOut <= 100)) faults['ruleOut'] = 'A number above 1, such as 2.';
  else ramp.rule_out = ruleOut;
  if (d.attribute.trim() !== '' && d.attribute.trim() !== 'id') ramp.hash_attribute = d.attribute.trim();
  if (d.reason.trim() !== '') ramp.reason = d.reason.trim();
  return { ramp, faults, complete: Object.keys(faults).length === 0 && !empty && ramp.vitals.length > 0 };
}

function putCondition(d: Draft, ramp: NewRamp, faults: Faults) {
  if (d.rows) {
    const made = conditionOf(d.rows);
    made.faults.forEach((f, i) => (faults[`rows[${i}]`] = f));
    if (made.value) ramp.condition = made.value;
  } else if (d.condition.trim() !== '') {
    const read = parsed(d.condition);
    if ('fault' in read) faults['condition'] = read.fault;
    else ramp.condition = read.value;
  }
}

function stepsOf(steps: StepDraft[], faults: Faults) {
  let before = 0;
  return steps.map((s, i) => {
    const share = number(s.share) / 100;
    const watch = Math.round(number(s.time) * units[s.unit]);
    if (!(share >= 0.0001 && share <= 0.9999)) faults[`steps[${i}]`] = 'A share from 0.01 to 99.99 %. After the last step come all.';
    else if (share <= before) faults[`steps[${i}]`] = 'Shares grow from step to step.';
    else if (!(watch >= 1 && watch <= month)) faults[`steps[${i}]`] = 'How long it is watched: 30 days at most.';
    before = Math.max(before, share || 0);
    return { share: Number(share.toPrecision(8)), watch_seconds: watch };
  });
}

function vitalsOf(vitals: VitalDraft[], faults: Faults) {
  const named = vitals.map((v) => ({ event: v.event.trim(), bad: v.bad }));
  named.forEach((v, i) => {
    if (v.event !== '' && named.findIndex((o) => o.event === v.event) < i) faults[`vitals[${i}]`] = 'This event is watched already.';
  });
  return named.filter((v) => v.event !== '');
}
