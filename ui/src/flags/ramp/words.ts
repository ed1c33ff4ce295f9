import type { Ramp, RampShown, RampSpec } from '../../api/schema';
import { condition, part, value } from '../../words/flags';
import { plural } from '../../words/number';
import { who, type Word } from '../../words/state';
import { lasting, ms, roughly } from '../../words/time';

// What ramps are, in words.

export const states: Record<Ramp['state'], Word> = {
  watching: { text: 'under way', tone: 'blue', icon: 'eye' },
  paused: { text: 'paused', tone: 'amber', icon: 'pause' },
  held: { text: 'waits for you', tone: 'amber', icon: 'hand' },
  promoted: { text: 'given to all', tone: 'blue', icon: 'check' },
  returned: { text: 'taken back', tone: 'alarm', icon: 'back' },
  overtaken: { text: 'ended by a change', tone: 'grey', icon: 'skip' },
};

export const outcomes: Record<string, Word> = {
  healthy: { text: 'no worse', tone: 'blue', icon: 'check' },
  regressed: { text: 'worse', tone: 'alarm', icon: 'warn' },
  unknown: { text: 'cannot be told yet', tone: 'amber', icon: 'question' },
  wrong_split: { text: 'cannot be compared', tone: 'amber', icon: 'warn' },
};
export const outcome = (o: string): Word => outcomes[o] ?? { text: o.replaceAll('_', ' '), tone: 'grey', icon: 'question' };

// whom is whom the ramp means.
export function whom(spec: Pick<RampSpec, 'condition'>): string {
  const words = condition(spec.condition);
  if (words === 'everybody') return 'visitors';
  return words.startsWith('those') ? words : words.startsWith('in the group') ? `visitors ${words}` : `visitors whose ${words}`;
}

// given is the value that the ramp gives.
export const given = (spec: Pick<RampSpec, 'value'>): string => value(spec.value ?? true);

const steps = (spec: RampSpec) => spec.steps ?? [];
// lasts is how long a step is watched.
export const lasts = (seconds: number): string => (seconds % 86_400 === 0 ? plural(seconds / 86_400, 'day') : lasting(seconds * 1000));
const harm = (v: { event: string; bad?: string }) => `“${v.event}” becomes ${v.bad === 'rise' ? 'more frequent' : 'rarer'}`;
const list = (words: string[], last: string) => (words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`);

// will says what a ramp does, before it is begun.
export function will(spec: RampSpec): string {
  const all = steps(spec);
  const first = all[0];
  if (!first) return '';
  const way = all.slice(1).map((s, i) => `${part(s.share)} ${i === 0 ? `after ${lasts(all[i]!.watch_seconds)}` : `another ${lasts(all[i]!.watch_seconds)} later`}`);
  const last = `and all of them ${lasts(all.at(-1)!.watch_seconds)} after that`;
  const vitals = spec.vitals ?? [];
  const back = vitals.length > 0 ? ` As soon as ${list(vitals.map(harm), 'or')} with them than with the others, it is taken back from all.` : '';
  const cannot = { promote: 'it goes on', wait: 'it waits until it can be told', hold: 'it stands still until somebody decides' }[spec.unknown ?? 'promote'];
  const nothing = spec.unknown === 'wait' ? '' : ' Where nothing at all was counted, it stands still until somebody decides.';
  return `At once ${part(first.share)} of ${whom(spec)} get ${given(spec)}, ${[...way, last].join(', ')}.${back} Where that cannot be told by the end of a step, ${cannot}.${nothing}`;
}

// counted tells whether anything was counted yet.
export const counted = (r: Pick<RampShown, 'slots' | 'verdict'>): boolean => r.slots.length > 0 || (r.verdict.vitals ?? []).some((v) => v.at_risk_new + v.at_risk_old > 0);

// left is for how many seconds a step is still watched; 0 when its time is over.
export function left(r: Ramp, now: number): number {
  const step = steps(r.spec)[r.step];
  return step ? Math.max(0, step.watch_seconds - (now - ms(r.step_at)) / 1000) : 0;
}

// stands says where a ramp stands, in a sentence.
export function stands(r: RampShown, now: number): string {
  const all = steps(r.spec);
  const who_ = whom(r.spec);
  const share = `${part(r.share)} of ${who_} get ${given(r.spec)}`;
  const place = `step ${r.step + 1} of ${all.length}`;
  const next = all[r.step + 1];
  const on = next ? part(next.share) : 'all';
  switch (r.state) {
    case 'promoted':
      return `All ${who_} get ${given(r.spec)}. The ramp is over.`;
    case 'returned':
      return `Taken back${r.ended_at ? byWhom(r, 'returned') : ''}: nobody gets ${given(r.spec)} by this ramp any more.`;
    case 'overtaken':
      return `It ended, because ${r.reasons[0] ?? 'somebody changed what it had set'}. Its rule went with that.`;
    case 'paused':
      return `Paused${byWhom(r, 'paused')}: ${share}, and it stays so until somebody resumes it. Worse visitors still bring it back.`;
    case 'held':
      return `It waits for you: ${share}, and ${r.verdict.outcome === 'wrong_split' ? 'what is counted cannot be compared' : r.reasons[0]?.startsWith('nothing was counted') ? `the time of ${place} is over, and nothing was counted by which they could be compared` : `the time of ${place} is over without an answer`}.`;
    default: {
      const time = left(r, now);
      if (time > 0) return `${share}: ${place}. In about ${roughly(time)} it goes on to ${on}.`;
      return r.spec.unknown === 'wait' && r.verdict.outcome !== 'healthy' ? `${share}: ${place}. Its time is over, and it waits until it can be told whether they do worse.` : `${share}: ${place}. Its time is over, and it goes on to ${on} in a moment.`;
    }
  }
}

function byWhom(r: RampShown, move: string): string {
  const last = r.moves.findLast((m) => m.move === move);
  return last ? (last.by.startsWith('system:') ? ' by itself' : ` by ${who(last.by)}`) : '';
}

// finds says what the evidence comes to, in a sentence.
export function finds(r: RampShown): string {
  const over = r.ended_at !== undefined;
  if (!counted(r)) return over ? 'Nothing was counted, so nothing was compared.' : 'Nothing was counted yet, so nothing can be compared.';
  switch (r.verdict.outcome) {
    case 'healthy':
      return `They ${over ? 'did' : 'do'} no worse than those with the old value: harm of the size to rule out is excluded.`;
    case 'regressed': {
      const bad = (r.verdict.vitals ?? []).filter((v) => v.outcome === 'regressed').map((v) => `“${v.label || v.name}”`);
      return `They ${over ? 'did' : 'do'} worse than those with the old value${bad.length > 0 ? `, by ${list(bad, 'and')}` : ''}; chance hardly ever looks like this.`;
    }
    case 'wrong_split':
      return 'The two sides are not of the size that was drawn: look whether all clients tell of both values, with the experiment’s key and the variation.';
    default:
      return `Whether they ${over ? 'did' : 'do'} worse than those with the old value ${over ? 'could not be told' : 'cannot be told yet'}.`;
  }
}

export const moves: Record<string, string> = {
  started: 'begun',
  watching: 'on',
  paused: 'paused',
  held: 'held',
  resumed: 'resumed',
  promoted: 'given to all',
  returned: 'taken back',
  overtaken: 'ended by a change',
};

// What the numbers of a ramp mean. The judge is that of rollouts; here it compares visitors by the value that they were given.
export const meanings = {
  old: 'Visitors whom the ramp means and who were not drawn for the new value, in the same steps.',
  new: 'Visitors who were given the new value, in the steps so far.',
  rate: 'Of the visitors of whom an exposure was told, the share that did this afterwards. Each visitor counts once.',
  so_far: 'From the start of the ramp until then. It is drawn from the twentieth visitor of a side on: before, single visitors would make it jump.',
  ratio: 'How many times as often it happens with the new value. 1 × is no difference. It is reckoned apart for each share that was drawn, so that it need not be what the two rates make.',
  range: 'What the data allow for “new to old”: the truth is between these ends, 95 % sure at each, however often one looks.',
  evidence: 'Betting odds against “they do no worse”. 1 to 1 is no evidence, 100 to 1 is a hundredfold win; it rises only if there is harm, or by rare luck.',
  threshold: 'At these odds the evidence is strong enough, and the value is taken back. It follows from the false alarms that were allowed.',
  says: 'What the data on this event say so far. Each is judged alone.',
  needed: 'How many more visitors it takes until harm of the size to rule out is excluded, if there is none, on both sides together. It is a mean: half of the ramps need more.',
  rule_out: 'Harm of this size is excluded before it is said that they do no worse.',
  split: 'The part of all visitors who were told of that has the new value, and the part that was drawn for it. If they differ by more than chance, nothing can be compared.',
  alarms: 'So many ramps a month that change nothing come back by chance, at most. With fewer, harm is seen later.',
  unknown: 'What it does when the time of a step is over, and it cannot be told.',
  attribute: 'By this attribute visitors are drawn. Events must name visitors by the same id.',
};
