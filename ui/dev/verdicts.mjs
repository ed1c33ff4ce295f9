import { random } from './random.mjs';

// Past verdicts of the made-up Slipway: those on its rollouts that have ended, and some weeks of older ones.
export function makeVerdicts(world) {
  const list = world.rollouts.filter((r) => r.ended_at && r.outcome !== 'superseded').map((r) => fact(r, world));
  const r = random(87);
  for (let n = 33, seconds = 90_000; n > 0; n--) {
    const kind = n === 4 ? 'wrong' : n === 22 || n === 9 ? 'right' : n === 17 ? 'person' : n === 13 ? 'crash' : n === 28 ? 'missed' : '';
    list.push(older(world, n, seconds, kind));
    seconds += Math.round(86_400 * (0.2 + 1.4 * r()));
  }
  return list;
}

const word = (w, s, world, note) => ({ word: w, by: 'bo', at: world.iso(s), note, revision: 1 });
const nothing = () => ({ word: '', revision: 0 });

function fact(r, world) {
  const judged = r.verdict !== 'none';
  const back = r.outcome === 'rolled_back';
  return {
    id: r.id, number: r.number, app: 'shop', environment: r.environment, release_id: r.release.id, release: r.release, judged, outcome: r.outcome, by: judged ? 'judge' : 'person', verdict: r.verdict,
    vital: back ? 'errors' : undefined, text: r.reasons[0]?.text ?? r.sentence, alpha: judged ? 0.027 : 0, false_alarms_a_day: judged ? 12 / 365.25 : undefined, visitors_at: r.steps[0].started_at,
    decided_at: back ? world.iso(5369) : undefined, ended_at: r.ended_at, can_be_said: judged, assessment: nothing(),
    harm: back ? { kind: 'failed', done: 55, spared: 5212, spared_at_least: 1830, a_second: 18.034, rest_s: 289 } : undefined,
  };
}

function older(world, n, seconds, kind) {
  const c = world.commits[n % 14];
  const back = ['wrong', 'right', 'person', 'crash'].includes(kind);
  const by = kind === 'person' || kind === 'crash' ? kind : 'judge';
  const slow = kind === 'right';
  const said = { wrong: word('wrong', seconds - 4000, world, 'a crawler ran wild on the canaries'), right: word('right', seconds - 900, world), missed: word('wrong', seconds - 9000, world, 'orders with vouchers were lost') }[kind];
  const texts = {
    wrong: 'Errors: 12 of 900 requests failed on the new release, 31 of 8,200 on the old: 3.5 times as often (1.3 to 8).', right: 'Requests slower than 36 ms: 402 of 1,210 on the new release, 1,090 of 10,900 on the old: 3.3 times as often (2.6 to 4.2).',
    person: 'rolled back by chen: the banner hides the basket', crash: "the new release's process died 3 times, last on host host-4: exit status 2",
  };
  return {
    id: `rol_01ka${String(n).padStart(4, '0')}`, number: n, app: 'shop', environment: 'production', release_id: `rel_01ka${n}`, release: { ...world.lite(n, c), id: `rel_01ka${n}` }, judged: true,
    outcome: back ? 'rolled_back' : 'promoted', by, verdict: by !== 'judge' || n % 6 === 0 ? 'unknown' : back ? 'regressed' : 'healthy', vital: by === 'judge' && back ? (slow ? 'latency_p90' : 'errors') : undefined,
    text: texts[kind] ?? (n % 6 === 0 ? 'the watch is over and cannot tell; nothing crashed, and the policy says to go on' : 'A doubling of errors is excluded (0.6 to 1.4 times the old).'),
    alpha: 0.027, false_alarms_a_day: 12 / 365.25, visitors_at: world.iso(seconds), decided_at: back ? world.iso(seconds - 48 - n) : undefined, ended_at: world.iso(seconds - 400), can_be_said: by === 'judge',
    assessment: said ?? nothing(),
    harm: by === 'judge' && back ? { kind: slow ? 'slow' : 'failed', done: 30 + n, spared: slow ? 940 : 310 * n, spared_at_least: slow ? 610 : 40 * n, a_second: 3.2, rest_s: 294 } : undefined,
  };
}

const day = 86_400_000;
const since = (days) => Math.floor(Date.now() / day) * day - (days - 1) * day;
const within = (world, environment, days) => (world.empty ? [] : world.verdicts).filter((v) => (!environment || v.environment === environment) && Date.parse(v.ended_at) >= since(days));

// score adds them up as the server does.
export function score(world, environment, days) {
  const all = within(world, environment, days);
  const list = all.filter((v) => v.judged);
  const n = (ok) => list.filter(ok).length;
  const back = list.filter((v) => v.outcome === 'rolled_back');
  const own = back.filter((v) => v.by === 'judge');
  const harms = (kind) => own.filter((v) => v.harm?.kind === kind && v.assessment.word !== 'wrong').reduce((sum, { harm: h }) => ({ rollouts: sum.rollouts + 1, done: sum.done + h.done, spared: sum.spared + h.spared, spared_at_least: sum.spared_at_least + h.spared_at_least }), { rollouts: 0, done: 0, spared: 0, spared_at_least: 0 });
  const took = own.map((v) => (Date.parse(v.decided_at) - Date.parse(v.visitors_at)) / 1000).sort((a, b) => a - b);
  const on = (i) => list.filter((v) => Math.floor((Date.parse(v.ended_at) - since(days)) / day) === i);
  return {
    app: 'shop', environment: environment ?? '', days, since: new Date(since(days)).toISOString(), judged: list.length, not_judged: all.length - list.length, promoted: n((v) => v.outcome === 'promoted'),
    unknown: n((v) => v.outcome === 'promoted' && v.verdict === 'unknown'), rolled_back: back.length, by_judge: own.length, by_person: n((v) => v.by === 'person'), by_crash: n((v) => v.by === 'crash'), by_hosts: 0,
    right: own.filter((v) => v.assessment.word === 'right').length, wrong: own.filter((v) => v.assessment.word === 'wrong').length, unsaid: own.filter((v) => !v.assessment.word).length,
    missed: n((v) => v.outcome === 'promoted' && v.assessment.word === 'wrong'), budget: list.length ? (days * 12) / 365.25 : 0, spent: list.reduce((sum, v) => sum + v.alpha, 0), failed: harms('failed'), slow: harms('slow'),
    decision_s: took[Math.floor(took.length / 2)] ?? 0,
    by_day: Array.from({ length: days }, (_, i) => ({ day: new Date(since(days) + i * day).toISOString().slice(0, 10), promoted: on(i).filter((v) => v.outcome === 'promoted').length, rolled_back: on(i).filter((v) => v.outcome === 'rolled_back').length, wrong: on(i).filter((v) => v.outcome === 'rolled_back' && v.assessment.word === 'wrong').length })),
  };
}

// past lists them, in parts.
export function past(world, environment, { days, show, after, limit }) {
  const open = (v) => v.outcome === 'rolled_back' && (show === 'rolled_back' || (v.by === 'judge' && !v.assessment.word));
  const list = within(world, environment, days).filter((v) => v.judged && (show === 'all' || open(v)) && (!after || v.id < after)).sort((a, b) => (a.id < b.id ? 1 : -1));
  return { items: list.slice(0, limit), next: list.length > limit ? list[limit - 1].id : undefined };
}

// verdictOn is the one on a rollout, also on one that somebody has ended meanwhile.
export function verdictOn(world, id) {
  const r = world.rollouts.find((r) => r.id === id);
  if (r?.ended_at && r.outcome !== 'superseded' && !world.verdicts.some((v) => v.id === id)) world.verdicts.push({ ...fact(r, world), by: 'person', can_be_said: false, harm: undefined });
  return world.verdicts.find((v) => v.id === id);
}

// say calls one right or wrong; an empty word takes it back. It gives undefined where there is nothing to say.
export function say(world, id, to, note) {
  const v = world.verdicts.find((v) => v.id === id);
  if (!v?.can_be_said) return undefined;
  const revision = v.assessment.revision + 1;
  v.assessment = to ? { word: to, by: 'ana', at: new Date().toISOString(), note: note || undefined, revision } : { word: '', revision };
  return v;
}
