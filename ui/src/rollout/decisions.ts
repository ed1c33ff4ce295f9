import type { Decision } from '../api/types';

// Fold is a decision, and how many like it there were in a row: what is waited for is decided on again and again, with other numbers.
export interface Fold {
  newest: Decision;
  times: number;
  first: Decision;
}

const number = String.raw`\d[\d,.]*(?: (?:thousand|million|billion|trillion))?`;
const numbers = new RegExp(String.raw`(?:< )?${number}(?: (?:ms|s|min|h|d)\b)?(?: \d\d (?:s|min)\b)?`, 'g');

// gist is what a decision says without its numbers.
const gist = (d: Decision): string => JSON.stringify([d.from, d.to, d.step, d.actor, d.verdict ?? '', (d.reasons ?? []).map((r) => [r.code, r.text.replaceAll(numbers, '#')])]);

// fold puts those together that follow each other and differ by their numbers alone; they come and go the newest first.
export function fold(newest: Decision[]): Fold[] {
  const out: Fold[] = [];
  let last = '';
  for (const d of newest) {
    const text = gist(d);
    const before = out.at(-1);
    if (before && text === last) Object.assign(before, { times: before.times + 1, first: d });
    else out.push({ newest: d, times: 1, first: d });
    last = text;
  }
  return out;
}
