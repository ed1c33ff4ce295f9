import type { MeaningName } from './meanings';

// How the server's sentences say their numbers, with what these mean. Where two begin at the same place the first one is taken.
const n = String.raw`\d[\d,.]*(?: (?:thousand|million|billion|trillion))?`;
const part = String.raw`(?:< )?${n} ?%`;
const span = String.raw`${n} (?:ms|s|min|h|d)\b(?: \d\d (?:s|min)\b)?`;
const phrases: [MeaningName, string][] = [
  ['slow_from', String.raw`slower than ${span}`],
  ['share', String.raw`the visitors of ${n} of ${n} hosts`],
  ['share', String.raw`${part} of (?:all )?(?:visitors|hosts)`],
  ['hosts_ready', String.raw`${n} of ${n} hosts`],
  ['split_check', String.raw`${part} of the requests, and should get ${part}`],
  ['alpha', String.raw`at most ${part} of good releases`],
  ['alarm_budget', String.raw`${n} false alarms? a month(?: over ${n} rollouts)?`],
  ['per_second', String.raw`${n} requests a second and ${part} of \w+`],
  ['per_second', String.raw`${n} requests a second`],
  ['cannot_rise', String.raw`${part} of all requests already`],
  ['matters', String.raw`${part} that would matter`],
  ['share', String.raw`${part} of (?:all )?requests(?! failed)`],
  ['rates', String.raw`${part} against ${part}`],
  ['rates', String.raw`${part} of \w+`],
  ['sure', String.raw`${part} sure`],
  ['odds', String.raw`at most 1 of (?:${n}|a billion) rollouts`],
  ['power', String.raw`in about ${span} \(in 9 of 10 cases\)`],
  ['watch', String.raw`first watch is ${span}`],
  ['watch', String.raw`(?:harm|sign of harm) in ${span}`],
  ['settle', String.raw`${span} to warm up`],
  ['smoothed', String.raw`mean of the last ${span}`],
  ['left', String.raw`(?:about )?${span} to go`],
  ['missing', String.raw`(?:about )?${n} more(?: requests| events)?`],
  ['missing', String.raw`about ${n} would have to happen`],
  ['range', String.raw`${n} to ${n}(?: times(?: the old)?)?`],
  ['range', String.raw`from ${n} to ${n} times`],
  ['rule_out', String.raw`a rise to ${n} times`],
  ['rule_out', String.raw`a drop to ${part}`],
  ['deaths', String.raw`died ${n} times`],
  ['ratio', String.raw`${n} (?:times|×)`],
  ['expected', String.raw`${n} against ${n} expected`],
  ['erred', String.raw`of ${n} visitors with errors`],
  ['erred_new', String.raw`${n} (?:are|is) on the new release \(${n} expected\)`],
  ['errors_each', String.raw`${n} errors each, against ${n}`],
  ['measured_hosts', String.raw`${n} hosts against ${n}`],
  ['at_risk', String.raw`${n} of ${n}(?: requests| page views)?`],
  ['at_risk', String.raw`${n} on the (?:new|old)`],
  ['at_risk', String.raw`${n} failed`],
  ['requests', String.raw`${n} requests`],
  ['of_events', String.raw`in ${n} events`],
  ['hosts', String.raw`${n} hosts?`],
  ['evidence', String.raw`evidence reached ${n}`],
  ['threshold', String.raw`the ${n} it takes`],
  ['exit_status', String.raw`exit status \d+(?: after ${span})?`],
  ['step', String.raw`step \d+`],
  ['commits', String.raw`${n} commits?`],
  ['after', String.raw`after ${span}`],
  ['after', String.raw`${span} after`],
];
const said = phrases.map(([means, phrase]) => [means, new RegExp(String.raw`(?<![\w#.,-])${phrase}`, 'g')] as const);

export interface Piece {
  text: string;
  means?: MeaningName;
}

// tell takes a sentence apart into words and numbers, and says which definition each number has. A number that no phrase knows stays among the words.
export function tell(sentence: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  while (at < sentence.length) {
    let next: { from: number; text: string; means: MeaningName } | undefined;
    for (const [means, phrase] of said) {
      phrase.lastIndex = at;
      const found = phrase.exec(sentence);
      if (found && (!next || found.index < next.from)) next = { from: found.index, text: trimmed(found[0]), means };
    }
    if (!next) break;
    if (next.from > at) pieces.push({ text: sentence.slice(at, next.from) });
    pieces.push({ text: next.text, means: next.means });
    at = next.from + next.text.length;
  }
  if (at < sentence.length) pieces.push({ text: sentence.slice(at) });
  return pieces;
}

// A full stop or a comma behind a number belongs to the sentence.
const trimmed = (text: string) => text.replace(/[.,]+$/, '');

// runs puts what touches a number with it, such as a bracket or a full stop: no line may begin or end between them.
export function runs(sentence: string): Piece[][] {
  const out: Piece[][] = [];
  let touched = false;
  const add = (piece: Piece) => {
    const last = out.at(-1);
    if (last && touched) last.push(piece);
    else out.push([piece]);
    touched = true;
  };
  for (const piece of tell(sentence)) {
    if (piece.means) {
      add(piece);
      continue;
    }
    const [, head, middle, tail] = /^(\S*)(\s(?:.*\s)?)?(\S*)$/s.exec(piece.text) ?? [];
    if (head) add({ text: head });
    if (!middle) continue;
    out.push([{ text: middle }]);
    touched = false;
    if (tail) add({ text: tail });
  }
  return out;
}
