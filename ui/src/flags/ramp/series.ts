import type { ChartMark } from '../../charts/curve';
import type { RampMove, RampSlot } from '../../api/schema';
import { part } from '../../words/flags';

// What was counted, as curves: for each slot the rate of each side since the ramp began.
export interface Cumulated {
  seconds: number[];
  old: (number | null)[];
  new: (number | null)[];
}

const slotSeconds = 10;
// With fewer visitors one of them moves a rate by too much to be looked at.
const fewest = 20;
// More points than that are more than a picture is wide.
const points = 800;

// cumulate adds the slots of a vital up. A slot stands for its end.
export function cumulate(slots: readonly RampSlot[], vital: string): Cumulated {
  const out: Cumulated = { seconds: [], old: [], new: [] };
  const sum = { new: 0, old: 0, atNew: 0, atOld: 0 };
  const rate = (events: number, visitors: number) => (visitors < fewest ? null : events / visitors);
  const every = Math.ceil(slots.length / points);
  slots.forEach((slot, i) => {
    const c = slot.counts[vital];
    if (c) {
      sum.new += c.new;
      sum.old += c.old;
      sum.atNew += c.at_risk_new;
      sum.atOld += c.at_risk_old;
    }
    // A step may change within a slot: the newer one has the same second.
    if (slots[i + 1]?.second === slot.second || ((i + 1) % every !== 0 && i + 1 < slots.length)) return;
    out.seconds.push(slot.second + slotSeconds);
    out.new.push(rate(sum.new, sum.atNew));
    out.old.push(rate(sum.old, sum.atOld));
  });
  return out;
}

// steps gives the moves of a ramp their place in the picture: where a share began, and what was done.
export function steps(moves: readonly RampMove[]): ChartMark[] {
  const names: Partial<Record<RampMove['move'], string>> = { paused: 'paused', held: 'held', resumed: 'resumed', promoted: 'all', returned: 'taken back', overtaken: 'ended' };
  return moves.map((m, i) => ({ second: Math.floor(Date.parse(m.at) / 1000), text: names[m.move] ?? (moves[i - 1]?.step === m.step ? 'resumed' : part(m.share)), kind: m.move === 'returned' ? 'returning' : m.move }));
}
