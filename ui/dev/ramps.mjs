import { random } from './random.mjs';

// Ramps of the made-up shop's flags: what was counted, what that says, and what became of them; and the changes of flags as marks for charts.
const now = () => new Date().toISOString();
const spec = (value, more = {}) => ({ value, hash_attribute: 'id', steps: [{ share: 0.1, watch_seconds: 3600 }, { share: 0.5, watch_seconds: 3600 }], vitals: [{ event: 'order placed', bad: 'drop' }, { event: 'error shown', bad: 'rise' }], false_alarms: 1, rule_out: 2, unknown: 'promote', ...more });
const alpha = { alpha: 0.05, alpha_why: 'at most 5 % of good ramps come back: 1 false alarm a month over 20 ramps, and never more than 5 %' };
const move = (world, id, age, by, what, step, share, ...reasons) => ({ id, at: typeof age === 'string' ? age : world.iso(age), by, move: what, step, share, reasons });

function all(world) {
  if (world.flagRamps) return world.flagRamps;
  if (world.empty) return (world.flagRamps = []);
  const base = (id, flag, name, more) => ({ id, app: 'shop', environment: 'staging', flag, name, state: 'watching', reasons: [], started_by: 'person:bo', ...alpha, ...more });
  const worse = 'order placed: 0.45 times the old value\'s (133 of 990 visitors with the new value, 301 of 1,010 with the old one); a ramp that changes nothing shows this, however often one looks, in at most 1 of a billion ramps';
  const over = 'the time of the step is over, and no harm was seen; that it went on without an answer was said at the start';
  world.flagRamp = base('rmp_1', 'flg_3', 'search-limit', { step: 1, share: 0.5, spec: spec(50), started_at: world.iso(5000), step_at: world.iso(1400) });
  world.flagRamp.moves = [move(world, 'rmv_1', 5000, 'person:bo', 'started', 0, 0.1, alpha.alpha_why), move(world, 'rmv_2', 1400, 'system:ramp', 'watching', 1, 0.5, over)];
  const back = base('rmp_0', 'flg_3', 'search-limit', { state: 'returned', step: 1, share: 0, spec: spec(200), started_by: 'person:ana', started_at: world.iso(180_000), step_at: world.iso(176_400), ended_at: world.iso(175_100), reasons: [worse] });
  back.moves = [move(world, 'rmv_3', 180_000, 'person:ana', 'started', 0, 0.1, alpha.alpha_why), move(world, 'rmv_4', 179_000, 'person:chen', 'paused', 0, 0.1, 'a look at the shop first'), move(world, 'rmv_5', 178_600, 'person:chen', 'watching', 0, 0.1), move(world, 'rmv_6', 176_400, 'system:ramp', 'watching', 1, 0.5, over), move(world, 'rmv_7', 175_100, 'system:ramp', 'returned', 1, 0, worse)];
  const done = base('rmp_00', 'flg_3', 'search-limit', { state: 'promoted', step: 1, share: 1, spec: spec(20, { steps: [{ share: 0.1, watch_seconds: 1800 }, { share: 0.5, watch_seconds: 1800 }] }), started_at: world.iso(900_000), step_at: world.iso(898_200), ended_at: world.iso(896_400) });
  done.moves = [move(world, 'rmv_8', 900_000, 'person:bo', 'started', 0, 0.1, alpha.alpha_why), move(world, 'rmv_9', 898_200, 'system:ramp', 'watching', 1, 0.5, 'order placed: 0.96 times the old value\'s (1,099 of 4,012 visitors with the new value, 1,139 of 3,988 with the old one); a halving is ruled out (95 % sure)'), move(world, 'rmv_a', 896_400, 'system:ramp', 'promoted', 1, 1, 'order placed: 0.96 times the old value\'s (1,099 of 4,012 visitors with the new value, 1,139 of 3,988 with the old one); a halving is ruled out (95 % sure)')];
  // One of which no client tells anything.
  const quiet = base('rmp_2', 'flg_1', 'new-checkout', { step: 0, share: 0.01, spec: spec(true, { steps: [0.01, 0.1, 0.5].map((share) => ({ share, watch_seconds: 3600 })), condition: { country: { $in: ['US', 'CA'] } }, unknown: 'hold' }), started_by: 'person:ana', started_at: world.iso(600), step_at: world.iso(600) });
  quiet.moves = [move(world, 'rmv_b', 600, 'person:ana', 'started', 0, 0.01, alpha.alpha_why)];
  return (world.flagRamps = [quiet, world.flagRamp, back, done]);
}

// What visitors do in a second, of how many: with the old value and the new.
const shop = {
  rmp_1: { visitors: 0.6, 'order placed': [0.031, 0.03], 'error shown': [0.011, 0.012] },
  rmp_0: { visitors: 0.7, 'order placed': [0.31, 0.15], 'error shown': [0.03, 0.03] },
  rmp_00: { visitors: 2, 'order placed': [0.3, 0.295], 'error shown': [0.05, 0.05] },
};

// slots are the same whenever they are asked for, and more of them as time goes by.
function slots(r) {
  const does = shop[r.id];
  if (!does) return [];
  const next = random(r.id.length * 7 + r.flag.length);
  const step = (at) => r.moves.findLast((m) => Date.parse(m.at) <= at && m.share > 0) ?? r.moves[0];
  const end = r.ended_at ? Date.parse(r.ended_at) : Date.now();
  const out = [];
  for (let at = Math.ceil(Date.parse(r.started_at) / 10_000) * 10_000; at + 10_000 <= end; at += 10_000) {
    const { step: i, share } = step(at);
    const [fresh, old] = [next.poisson(does.visitors * 10 * share), next.poisson(does.visitors * 10 * (1 - share))];
    const counts = {};
    for (const { event } of r.spec.vitals) {
      const [a, b] = does[event] ?? [0, 0];
      counts[event] = { new: next.poisson(fresh * b), old: next.poisson(old * a), at_risk_new: fresh, at_risk_old: old };
    }
    out.push({ second: at / 1000, step: i, share, counts });
  }
  return out;
}

// evidence is about what the judge would say.
function evidence(r, all, { event, bad }) {
  const sum = { new: 0, old: 0, at_risk_new: 0, at_risk_old: 0 };
  for (const s of all) for (const k of Object.keys(sum)) sum[k] += s.counts[event]?.[k] ?? 0;
  const rate = (n, of) => (of > 0 ? n / of : 0);
  const [b, a] = [rate(sum.new, sum.at_risk_new), rate(sum.old, sum.at_risk_old)];
  const ratio = a > 0 ? b / a : 0;
  const wide = sum.new > 0 && sum.old > 0 ? Math.exp(2.8 * Math.sqrt(1 / sum.new + 1 / sum.old)) : 0;
  const threshold = 1.6020599913279623;
  const harm = wide > 0 ? (bad === 'drop' ? -1 : 1) * Math.log(ratio) / Math.log(wide) : 0;
  const peak = Math.max(0.02, harm > 0 ? threshold * harm * harm : 0);
  const regressed = peak >= threshold;
  const ruledOut = wide > 0 && (bad === 'drop' ? ratio / wide > 0.5 : ratio * wide < 2);
  const expected = sum.at_risk_new * a;
  const left = regressed || ruledOut ? 0 : Math.max(40, Math.round(7400 - sum.at_risk_new - sum.at_risk_old));
  const size = bad === 'drop' ? 'a halving' : 'a doubling';
  const found = `${event}: ${ratio.toFixed(2)} times the old value's (${sum.new.toLocaleString('en')} of ${sum.at_risk_new.toLocaleString('en')} visitors with the new value, ${sum.old.toLocaleString('en')} of ${sum.at_risk_old.toLocaleString('en')} with the old one)`;
  const text = regressed ? `${found}; a ramp that changes nothing shows this, however often one looks, in at most 1 of a billion ramps` : ruledOut ? `${found}; ${size} is ruled out (95 % sure)` : wide > 0 ? `${found}; about ${left.toLocaleString('en')} more visitors are needed to rule out ${size}` : `${event}: no visitors on both releases to compare yet`;
  return { name: event, label: event, outcome: regressed ? 'regressed' : ruledOut ? 'healthy' : 'unknown', e_value: peak - 0.3, peak, threshold, excluded: ruledOut ? 1.4 : 0.4, exclude_threshold: 1.301029995663981, rule_out: r.spec.rule_out, ratio_estimate: ratio, ratio_low: wide > 0 ? ratio / wide : 0, ratio_high: wide > 0 ? ratio * wide : 0, ...sum, rate_new: b, rate_old: a, expected, needed: { events: Math.round(left / 30), requests: left }, to_detect: { events: 0, requests: 0 }, text };
}

function shown(world, r) {
  if (!r) return undefined;
  const split = world.flagSplit;
  const counted = slots(r);
  const vitals = r.spec.vitals.map((v) => evidence(r, counted, v));
  const bad = vitals.filter((v) => v.outcome === 'regressed');
  const outcome = split?.wrong ? 'wrong_split' : bad.length > 0 ? 'regressed' : vitals.every((v) => v.outcome === 'healthy') ? 'healthy' : 'unknown';
  const about = outcome === 'regressed' ? bad : outcome === 'healthy' ? vitals : vitals.filter((v) => v.outcome === 'unknown');
  return { ...r, verdict: { outcome, vitals, split, reasons: about.map((v) => ({ vital: v.name, about: v.outcome, text: v.text })) }, slots: counted };
}
const listed = ({ moves, ...r }) => r;

function steer(c, env, id, { command, reason }) {
  const r = all(c.world).find((x) => x.id === id && x.environment === env);
  if (!r) return { refused: [404, `there is no ramp ${id} in ${env}`] };
  if (r.ended_at) return { refused: [409, `this ramp is over: ${r.state}`] };
  const before = r.step;
  if (command === 'next' && r.step + 1 < r.spec.steps.length) Object.assign(r, { state: 'watching', step: r.step + 1, share: r.spec.steps[r.step + 1].share });
  else if (command === 'next') Object.assign(r, { state: 'promoted', share: 1, ended_at: now() });
  else if (command === 'return') Object.assign(r, { state: 'returned', share: 0, ended_at: now() });
  else if (command === 'pause') r.state = 'paused';
  else r.state = 'watching';
  if (r.step !== before || command === 'resume') r.step_at = now();
  r.reasons = reason ? [reason] : [];
  r.moves.push(move(c.world, `rmv_${c.world.position}_${r.moves.length}`, now(), 'person:ana', r.state, r.step, r.share, ...r.reasons));
  c.send(r.ended_at ? 'ramp.ended' : 'ramp.moved', { ramp: r.id });
  return listed(r);
}

function start(c, env, flagId, { reason, ...wanted }) {
  const f = (c.world.flags ?? []).find((x) => x.id === flagId || x.name === flagId || `${x.kind}:${x.name}` === flagId);
  if (!f) return { refused: [404, `there is no flag ${flagId}`] };
  if (!wanted.vitals?.length) return { refused: [422, 'name an event by which visitors are compared, such as order_completed, whose drop is bad, or error_shown, whose rise is', [{ field: 'body.vitals', message: 'none is named' }]] };
  if (f.kind !== 'flag' || f.states[env]?.audience) return { refused: [409, `${f.name} is no flag with rules in ${env}; a ramp is a rule`] };
  if (all(c.world).some((r) => r.flag === f.id && r.environment === env && !r.ended_at)) return { refused: [409, `${f.name} has a ramp in ${env} already; end that one first`] };
  const s = { ...spec(true), steps: [0.01, 0.1, 0.5].map((share) => ({ share, watch_seconds: 3600 })), ...wanted };
  const r = { id: `rmp_n${all(c.world).length}`, app: 'shop', environment: env, flag: f.id, name: f.name, state: 'watching', step: 0, share: s.steps[0].share, spec: s, ...alpha, reasons: [], started_at: now(), started_by: 'person:ana', step_at: now() };
  r.moves = [move(c.world, `rmv_${r.id}`, now(), 'person:ana', 'started', 0, r.share, alpha.alpha_why)];
  all(c.world).unshift(r);
  f.states[env] = { ...f.states[env], on: true, changed_at: now(), changed_by: 'person:ana', revision: (f.states[env]?.revision ?? 0) + 1 };
  c.send('ramp.started', { ramp: r.id });
  return listed(r);
}

// What changed of flags, a few hours and a few days ago and just now, so that charts of any length have some.
function marks(world, q) {
  const mark = (id, flag, name, age, how, by, words) => ({ id, flag, name, environment: 'production', at: world.iso(age), by, how, words });
  const every = world.empty ? [] : [
    mark('chg_m1', 'flg_2', 'button-colour', 1_500_000, 'edited', 'person:chen', 'default "blue" → "grey"'),
    mark('chg_m2', 'flg_1', 'new-checkout', 600_000, 'edited', 'person:bo', 'rule 2: 5 % → 10 %'),
    mark('chg_m3', 'flg_6', 'maintenance', 20, 'edited', 'person:ana', 'switched off'),
    { ...mark('chg_m4', 'flg_4', 'banner', 2000, 'edited', 'person:ana', 'default changed'), environment: 'staging' },
  ];
  const [from, to] = [Date.parse(q.get('from') ?? world.iso(86_400)), Date.parse(q.get('to') ?? now())];
  return { items: every.filter((m) => (!q.get('environment') || m.environment === q.get('environment')) && Date.parse(m.at) >= from && Date.parse(m.at) <= to) };
}

export const ramps = [
  ['GET', /^apps\/shop\/ramps$/, (c, q) => ({ items: all(c.world).filter((r) => (q.get('all') === 'true' || !r.ended_at) && (!q.get('flag') || q.get('flag') === r.flag)).map(listed) })],
  ['GET', /^apps\/shop\/ramps\/(\w+)$/, (c, q, id) => shown(c.world, all(c.world).find((r) => r.id === id))],
  ['POST', /^apps\/shop\/environments\/(\w+)\/ramps\/(\w+)\/commands$/, (c, q, env, id, b) => steer(c, env, id, b)],
  ['POST', /^apps\/shop\/environments\/(\w+)\/flags\/([^/]+)\/ramps$/, (c, q, env, flag, b) => start(c, env, decodeURIComponent(flag), b)],
  ['GET', /^apps\/shop\/flag-changes$/, (c, q) => marks(c.world, q)],
];
