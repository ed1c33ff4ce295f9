import { random } from './random.mjs';

// Limits of the made-up shop: what there are, who asks, who is denied, and what another limit would have done.
const now = () => new Date().toISOString();
const decoded = decodeURIComponent;
const number = (n) => n.toLocaleString('en');
const span = (s) => (s % 3600 === 0 ? `${s / 3600} hours` : s % 60 === 0 ? `${s / 60} minutes` : `${s} seconds`).replace(/^1 (\w+)s$/, '1 $1');

// words are those of the server.
function words(d) {
  const within = (d.every ?? 1) > 1 ? `in ${d.every} ${d.unit}s` : `${d.unit === 'hour' ? 'an' : 'a'} ${d.unit}`;
  const said = { rolling: () => `${number(d.amount)} ${within}${d.burst && d.burst !== d.amount ? `, ${number(d.burst)} at once` : ''}`, calendar: () => `${number(d.amount)} each ${d.unit} of the calendar${d.zone ? ` in ${d.zone}` : ''}`, ever: () => `${number(d.amount)} ever`, concurrent: () => `${number(d.amount)} at once, ${d.refill ? `refilled by ${number(d.refill)} ${within}` : `each for ${span(d.hold_seconds)} at most`}` }[d.kind]();
  return said + (d.shadow ? '; counts only' : '');
}

function all(world) {
  if (world.limits) return world.limits;
  const made = (group, definition, age, more = {}) => ({ group, definition, overrides: [], revision: 3, changed_at: world.iso(age), changed_by: 'person:bo', words: words(definition), ...more });
  return (world.limits = world.empty ? [] : [
    made('api', { kind: 'rolling', amount: 3000, unit: 'hour', burst: 300 }, 900_000, { note: 'Everything that has no limit of its own.' }),
    made('api:search', { kind: 'rolling', amount: 60, unit: 'minute', burst: 20 }, 86_000, {
      note: 'Keeps the search machines free for those who buy.',
      overrides: [
        { group: 'api:search:crawler-7', amount: 5, burst: 1, set_at: world.iso(40_000), set_by: 'person:ana', reason: 'it asked for everything, all night' },
        { group: 'api:search:old-partner', amount: 200, until: world.iso(3000), set_at: world.iso(90_000), set_by: 'person:bo' },
        { group: 'api:search:price-watch', amount: 240, burst: 40, until: world.iso(-50_000), set_at: world.iso(36_000), set_by: 'person:chen', reason: 'they pay for more from Monday on' },
      ],
    }),
    made('exports', { kind: 'concurrent', amount: 3, hold_seconds: 600 }, 400_000),
    made('sms', { kind: 'calendar', amount: 50, unit: 'day', zone: 'Europe/Vienna', shadow: true }, 7000, { note: 'What a phone number costs us, before we say no.', changed_by: 'person:ana' }),
    made('upload:video-with-a-rather-long-name-of-its-own', { kind: 'concurrent', amount: 20, refill: 5, unit: 'minute' }, 60_000),
    made('welcome-mail', { kind: 'ever', amount: 1, exact: true }, 2_000_000, { note: 'Once for each address.' }),
  ]);
}
const find = (world, group) => all(world).find((l) => l.group === decoded(group));

// Who asks, how often in a minute on average, and of how many of these the limit has none.
const shoppers = {
  api: [['ana', 18, 0], ['web', 30, 0], ['bo', 4, 0]],
  'api:search': [['price-watch', 90, 0.04], ['crawler-7', 40, 0.86], ['ana', 22, 0.02], ['shop-app:ios', 19, 0], ['chen', 12, 0.18], ['u_4711', 9, 0], ['a-partner-whose-name-is-long@partners.shop.example', 7, 0.05], ['u_12', 3, 0], ['u_80', 2, 0]],
  sms: [['+4366012345678', 0.4, 0.3], ['+4367098765432', 0.1, 0]],
  exports: [['reports', 0.6, 0.25]],
  'welcome-mail': [['mia@shop.example', 0.05, 0.5]],
};
const nothing = () => ({ asks: 0, asked: 0, given: 0, denied: 0, near: 0 });
const add = (a, b) => { for (const k of Object.keys(nothing())) a[k] += b[k]; };

// Each made-up shop opens in the morning of its own thirtieth day, so that who asks how often does not depend on the time at which it is looked at.
const opensAt = 30 * 1440 + 500; // minutes
const ownMinute = (world, minute) => minute - minuteOf(world.iso(0)) + opensAt;

// counted is what each key of a limit asked in a minute: the same whenever it is asked for. At night less is asked.
function counted(world, env, group, at) {
  if (world.empty || env !== 'production') return [];
  const minute = ownMinute(world, at);
  const next = random(minute * 7 + group.length);
  const day = 0.6 + 0.4 * Math.sin((minute % 1440) / 230);
  return (shoppers[group] ?? []).flatMap(([who, often, over], i) => {
    const wave = 1 + 0.6 * Math.sin(minute / (9 + i * 4) + i);
    const asks = next.poisson(often * day * wave);
    if (asks === 0) return [];
    const denied = Math.min(asks, next.poisson(asks * over * Math.max(0, wave - 0.4)));
    const weight = group === 'exports' ? 2 : 1;
    return [[`${group}:${who}`, { asks, asked: asks * weight, given: (asks - denied) * weight, denied, near: over > 0 ? next.poisson((asks - denied) * 0.1) : 0 }]];
  });
}

const minuteOf = (t) => Math.floor(Date.parse(t) / 60_000);

function use(world, env, group, from, to) {
  const l = find(world, group);
  if (!l) return undefined;
  const [first, last] = [minuteOf(from ?? world.iso(3600)), minuteOf(to ?? now())];
  const step = [1, 5, 10, 30].find((n) => last - first <= 360 * n) ?? 60;
  const points = new Map();
  const keys = new Map();
  const total = nothing();
  for (let m = first; m <= last; m++) {
    const at = new Date(Math.floor(m / step) * step * 60_000).toISOString();
    for (const [key, c] of counted(world, env, l.group, m)) {
      if (!points.has(at)) points.set(at, { at, ...nothing() });
      if (!keys.has(key)) keys.set(key, { key, ...nothing(), by: new Map() });
      add(points.get(at), c);
      add(keys.get(key), c);
      add(total, c);
      if (c.denied > 0) keys.get(key).by.set(at, (keys.get(key).by.get(at) ?? 0) + c.denied);
    }
  }
  const most = (of) => [...keys.values()].filter((k) => k[of] > 0).sort((a, b) => b[of] - a[of]).slice(0, 20);
  const bare = ({ by, ...k }) => k;
  return { step_seconds: step * 60, points: [...points.values()], total, top: most('asks').map(bare), near: most('near').map(bare), denied: most('denied').map(({ by, ...k }) => ({ ...k, points: [...by].map(([at, denied]) => ({ at, denied })) })) };
}

// stand is how a key stands: those who are denied much have nothing left, and are full again in a while.
function stand(world, env, group, key) {
  const l = find(world, group);
  const k = decoded(key);
  if (!l || (k !== l.group && !k.startsWith(l.group + ':'))) return undefined;
  const override = l.overrides.find((o) => o.group === k && !(Date.parse(o.until) < Date.now()));
  const d = { ...l.definition, ...(override ? { amount: override.amount, burst: override.burst || l.definition.burst } : {}) };
  const capacity = d.burst && d.amount > 0 ? d.burst : d.amount;
  const who = (shoppers[l.group] ?? []).find(([name]) => `${l.group}:${name}` === k);
  const reset = world.limitResets?.includes(k);
  const left = !who || reset || env !== 'production' ? capacity : Math.max(0, Math.round(capacity * (who[2] > 0.5 ? 0 : 1 - who[1] / 100)));
  world.limitFull ??= {};
  if (Date.parse(world.limitFull[k]) < Date.now() + 2000) delete world.limitFull[k];
  const full = (world.limitFull[k] ??= new Date(Date.now() + (capacity - left) * 1100 + 5000).toISOString());
  return { key: k, amount: d.amount, capacity, left, ...(left < capacity && d.kind !== 'ever' ? { full_at: full } : {}), ...(override ? { override } : {}) };
}

const missing = (group) => ({ refused: [404, `shop has no limit for "${decoded(group)}"`] });
const faster = { refused: [412, 'it was changed by somebody else meanwhile; look at it again and repeat your change'] };
const wrong = (field, message) => ({ refused: [422, message, [{ field, message }]] });

function faults(d) {
  if (d.zone && !/^(UTC|[A-Z]\w+\/\w+)$/.test(d.zone)) return wrong('body.definition.zone', `there is no zone "${d.zone}"; write it as Europe/Vienna or UTC`);
  if (d.kind === 'concurrent' && !d.refill && !(d.hold_seconds >= 1)) return wrong('body.definition.hold_seconds', 'what nobody returns comes back by itself after 1 to 315360000 seconds, or as it refills; without that, a client that dies holds it for ever');
  return undefined;
}

function make(c, { group = 'mails', definition = { kind: 'ever', amount: 1 }, note }) {
  if (find(c.world, encodeURIComponent(group))) return { refused: [409, `shop has a limit for "${group}" already; change that one`, [{ field: 'body.group', message: `shop has a limit for "${group}" already; change that one` }]] };
  const fault = faults(definition);
  if (fault) return fault;
  const l = { group, definition, ...(note ? { note } : {}), overrides: [], revision: 1, changed_at: now(), changed_by: 'person:ana', words: words(definition) };
  all(c.world).push(l);
  c.send('limit.changed', { group, change: 'created' });
  return l;
}

function change(c, group, { definition, note }) {
  const l = find(c.world, group);
  if (!l) return missing(group);
  if (c.world.limitsFaster) return faster;
  const fault = faults(definition);
  if (fault) return fault;
  delete l.note;
  Object.assign(l, { definition, ...(note ? { note } : {}), revision: l.revision + 1, changed_at: now(), changed_by: 'person:ana', words: words(definition) });
  c.send('limit.changed', { group: l.group, change: 'changed' });
  return l;
}

function override(c, group, key, { amount = 0, burst, until, reason }) {
  const l = find(c.world, group);
  if (!l) return missing(group);
  const k = decoded(key);
  if (k !== l.group && !k.startsWith(l.group + ':')) return wrong('body.group', `the limit for "${l.group}" does not count "${k}"; the group of an override is the limit's own, or begins with it and a colon`);
  l.overrides = [...l.overrides.filter((o) => o.group !== k), { group: k, amount, ...(burst ? { burst } : {}), ...(until ? { until } : {}), ...(reason ? { reason } : {}), set_at: now(), set_by: 'person:ana' }].sort((a, b) => (a.group < b.group ? -1 : 1));
  delete c.world.limitFull?.[k];
  c.send('limit.changed', { group: l.group, key: k, change: 'overridden' });
  return l;
}

function lift(c, group, key) {
  const l = find(c.world, group);
  if (l) l.overrides = l.overrides.filter((o) => o.group !== decoded(key));
  c.send('limit.changed', { group: decoded(group), key: decoded(key), change: 'lifted' });
}

function reset(c, env, group, key) {
  (c.world.limitResets ??= []).push(decoded(key));
  delete c.world.limitFull?.[decoded(key)];
  return stand(c.world, env, group, key) ?? missing(group);
}

// simulate is about what the server would find: the more a limit has, the less it denies.
function simulate(c, env, b) {
  const to = b.to ?? now();
  const from = b.from ?? c.world.iso(7 * 86_400);
  const step = [1, 5, 10, 30, 60].find((n) => Math.floor((Date.parse(to) - Date.parse(from)) / 60_000 / n) <= 200) ?? 120;
  const fault = faults(b.definition);
  if (fault) return fault;
  const out = { from, to, points: [], was: nothing(), denied: 0, given: 0, keys: 0, hit: 0, top: [], words: words(b.definition) };
  const keys = new Map();
  const first = Math.max(minuteOf(from), minuteOf(c.world.iso(4 * 86_400))); // nothing was asked before
  for (let m = first; m < minuteOf(to); m++) {
    for (const [key, k] of counted(c.world, env, b.group, m)) {
      const would = Math.max(0, k.asks - b.definition.amount);
      const at = new Date(Math.floor(m / step) * step * 60_000).toISOString();
      if (out.points.at(-1)?.at !== at) out.points.push({ at, asks: 0, was_denied: 0, denied: 0 });
      const p = out.points.at(-1);
      if (!keys.has(key)) keys.set(key, { key, asks: 0, was_denied: 0, denied: 0 });
      for (const x of [p, keys.get(key)]) {
        x.asks += k.asks;
        x.was_denied += k.denied;
        x.denied += would;
      }
      add(out.was, k);
      out.denied += would;
      out.given += k.asks - would;
    }
  }
  if (out.was.asks > 0) out.from = new Date(first * 60_000).toISOString();
  out.keys = keys.size;
  const hit = [...keys.values()].filter((k) => k.denied > 0).sort((a, b) => b.denied - a.denied);
  return { ...out, hit: hit.length, top: hit.slice(0, 20) };
}

export const limits = [
  ['GET', /^apps\/shop\/limits$/, (c, q) => ({ items: all(c.world).map((l) => ({ ...l, ...(q.get('environment') ? { use: use(c.world, q.get('environment'), l.group).total } : {}) })) })],
  ['POST', /^apps\/shop\/limits$/, (c, q, _, __, b) => make(c, b)],
  ['GET', /^apps\/shop\/limits\/([^/]+)$/, (c, q, group) => find(c.world, group)],
  ['PUT', /^apps\/shop\/limits\/([^/]+)$/, (c, q, group, _, b) => change(c, group, b)],
  ['DELETE', /^apps\/shop\/limits\/([^/]+)$/, (c, q, group) => { c.world.limits = all(c.world).filter((l) => l.group !== decoded(group)); c.send('limit.changed', { group: decoded(group), change: 'removed' }); }],
  ['PUT', /^apps\/shop\/limits\/([^/]+)\/overrides\/([^/]+)$/, (c, q, group, key, b) => override(c, group, key, b)],
  ['DELETE', /^apps\/shop\/limits\/([^/]+)\/overrides\/([^/]+)$/, (c, q, group, key) => lift(c, group, key)],
  ['GET', /^apps\/shop\/environments\/(\w+)\/limits\/([^/]+)\/use$/, (c, q, env, group) => use(c.world, env, group, q.get('from'), q.get('to'))],
  ['GET', /^apps\/shop\/environments\/(\w+)\/limits\/([^/]+)\/keys$/, (c, q, env, group) => find(c.world, group) && { items: q.getAll('key').flatMap((k) => stand(c.world, env, group, encodeURIComponent(k)) ?? []) }],
  ['GET', /^apps\/shop\/environments\/(\w+)\/limits\/([^/]+)\/keys\/([^/]+)$/, (c, q, env, group, _, key) => stand(c.world, env, group, key ?? '')],
  ['POST', /^apps\/shop\/environments\/(\w+)\/limits\/([^/]+)\/keys\/([^/]+)\/resets$/, (c, q, env, group, _, key) => reset(c, env, group, key ?? '')],
  ['POST', /^apps\/shop\/environments\/(\w+)\/limit-simulations$/, (c, q, env, _, b) => simulate(c, env, b)],
];
