// Flags of the made-up shop: what they are, what became of them, and what is planned.
const now = () => new Date().toISOString();
const decoded = decodeURIComponent;

const ramp = { id: 'ramp', condition: { country: { $in: ['US', 'CA'] }, plan: 'pro' }, force: true, coverage: 0.1, hashVersion: 2 };
const team = { id: 'team', condition: { email: { $regexi: '@shop\\.example$' } }, force: true };

function all(world) {
  if (world.flags) return world.flags;
  const made = (id, kind, name, type, age, states, more = {}) => ({
    id, app: 'shop', kind, name, type, created_at: world.iso(age * 4), created_by: 'person:ana', changed_at: world.iso(age), changed_by: 'person:bo', needs: {}, ...more,
    states: Object.fromEntries(Object.entries(states).map(([env, s]) => [env, { changed_at: world.iso(age), changed_by: 'person:bo', revision: 3, ...s }])),
  });
  return (world.flags = world.empty ? [] : [
    made('flg_1', 'flag', 'new-checkout', 'boolean', 7200, { production: { on: true, default: false, rules: [team, ramp] }, staging: { on: true } }, { description: 'The checkout on one page, with the address behind the payment.', owner: 'web team', tags: ['checkout', 'ios'], needs: { by: ['gift-cards'] } }),
    made('flg_2', 'flag', 'button-colour', 'string', 90_000, { production: { on: true, default: 'grey', rules: [{ key: 'colours', variations: ['grey', 'green', 'orange'], weights: [0.5, 0.25, 0.25], hashVersion: 2 }] } }, { owner: 'chen', tags: ['checkout'] }),
    made('flg_3', 'flag', 'search-limit', 'number', 400_000, { production: { on: true, default: 20, rules: [{ condition: { plan: { $in: ['pro', 'team'] } }, force: 100 }] }, staging: { on: true, default: 20, rules: [{ id: 'ramp-rmp_1', key: 'rmp_1/2', seed: 'rmp_1', hashAttribute: 'id', hashVersion: 2, variations: [20, 50], weights: [0.5, 0.5], meta: [{ key: 'old', passthrough: true }, { key: 'new' }] }] } }, { ramps: { staging: { ramp: 'rmp_1', state: 'watching', share: 0.5, beneath: { on: true, default: 20 } } } }),
    made('flg_4', 'flag', 'banner', 'json', 30_000, { production: { on: true, off: { text: '' }, default: { text: 'Free shipping until Sunday', link: '/shipping' } } }),
    made('flg_5', 'flag', 'dark-mode', 'boolean', 600_000, { production: { on: true, audience: { percent: 10, staff: true, users: ['u1', 'u7'], languages: ['en', 'de'], testing: true, note: 'asked for by support' } } }, { tags: ['design'] }),
    made('flg_6', 'switch', 'maintenance', 'boolean', 2_000_000, { production: { on: false }, staging: { on: true } }, { permanent: true, server_only: true }),
    made('flg_7', 'sample', 'trace-requests', 'boolean', 800_000, { production: { on: true, percent: 12.5 } }),
    made('flg_8', 'flag', 'old-header', 'boolean', 5_000_000, { production: { on: true }, staging: { on: true } }, { description: 'The header from before the summer.', stale: { production: 'everybody has had true for 57 days; take the flag out of the code, and then out of use' } }),
    made('flg_9', 'flag', 'gift-cards', 'boolean', 50_000, { production: { on: false, default: false, rules: [{ id: 'first', parentConditions: [{ id: 'new-checkout', condition: { value: true } }], condition: { $savedGroup: { id: 'beta' } }, force: true }] } }, { needs: { flags: ['new-checkout'], groups: ['beta'] } }),
    made('flg_10', 'flag', 'summer-sale', 'boolean', 9_000_000, { production: { on: false } }, { archived_at: world.iso(4_000_000) }),
  ]);
}

function find(world, name) {
  const n = decoded(name);
  return all(world).find((f) => f.id === n || f.name === n || `${f.kind}:${f.name}` === n);
}

function history(world) {
  const change = (id, flag, age, how, by, words, more = {}) => [flag, { id, at: world.iso(age), by, how, words, ...more }];
  return (world.flagChanges ??= [
    change('chg_4', 'flg_1', 7200, 'edited', 'person:bo', 'rule 2: 5 % → 10 %', { environment: 'production', reason: 'a week without trouble', revision: 3, before: { on: true, default: false, rules: [team, { ...ramp, coverage: 0.05 }] }, after: { on: true, default: false, rules: [team, ramp] } }),
    change('chg_3', 'flg_1', 90_000, 'edited', 'person:ana', 'switched on, rules 1 → 2', { environment: 'production', revision: 2, before: { on: false, default: false, rules: [team] }, after: { on: true, default: false, rules: [team, { ...ramp, coverage: 0.05 }] } }),
    change('chg_2', 'flg_1', 95_000, 'created', 'person:ana', 'default null → false, rules 0 → 1', { environment: 'production', revision: 1, after: { on: false, default: false, rules: [team] } }),
    change('chg_1', 'flg_1', 95_000, 'created', 'person:ana', 'flag created'),
  ]);
}

function plans(world) {
  return (world.flagPlans ??= world.empty ? [] : [
    { id: 'fpl_3', flag: 'flg_1', name: 'new-checkout', environment: 'production', patch: { rules: [team, { ...ramp, coverage: 0.25 }] }, before: { rules: [team, ramp] }, words: 'rule 2: 10 % → 25 %', reason: 'sales went up', by: 'person:bo', at: world.iso(1800), wall: '2030-03-01T09:00', zone: 'Europe/Berlin', due: '2030-03-01T08:00:00Z', status: 'waiting' },
    { id: 'fpl_2', flag: 'flg_6', name: 'maintenance', environment: 'staging', patch: { on: false }, before: { on: true }, words: 'switched off', by: 'person:ana', at: world.iso(4000), wall: '2030-01-01T00:00', zone: 'UTC', due: '2030-01-01T00:00:00Z', status: 'approved' },
    { id: 'fpl_1', flag: 'flg_2', name: 'button-colour', environment: 'production', patch: { default: 'blue' }, before: { default: 'grey' }, words: 'default "grey" → "blue"', by: 'person:ana', at: world.iso(400_000), status: 'refused', decided_by: 'person:chen', decided_at: world.iso(390_000), said: 'not in this season' },
  ]);
}
const open = (p) => p.status === 'waiting' || p.status === 'approved';

function keys(world) {
  const key = (id, name, environment, kind, more = {}) => ({ id, app: 'shop', environment, name, kind, key: `${kind === 'server' ? 'sfk' : 'cfk'}_${name}8Jd2sK9mPq4xVt7Lr5Nw1Yb`, created_at: world.iso(900_000), created_by: 'person:ana', ...more });
  return (world.flagKeys ??= world.empty ? [] : [key('fky_1', 'backend', 'production', 'server'), key('fky_2', 'ios', 'production', 'client', { remote: true, stopped: true }), key('fky_3', 'web', 'production', 'client'), key('fky_4', 'web-staging', 'staging', 'client', { encryption: 'q83vEjRWeJASNFZ4kBI0Vg==' })]);
}

function groups(world) {
  const group = (id, definition, note) => ({ id, definition, note, changed_at: world.iso(70_000), changed_by: 'person:chen' });
  return (world.flagGroups ??= world.empty ? [] : [group('adults', { type: 'condition', condition: { age: { $gte: 18 } } }), group('beta', ['u_1', 'u_2', 'u_7', 'u_12', 'u_19', 'u_40'], 'who asked for it at the fair')]);
}

const settings = (world) => (world.flagSettings ??= world.empty ? {} : { approvals: ['production'] });

const sent = ({ reason, wall, zone, visitors, ...state }) => state;
const offOnly = (from, to) => from?.on === true && !to.on && JSON.stringify({ ...from, on: 0, changed_at: 0, changed_by: 0, revision: 0 }) === JSON.stringify({ ...from, ...to, on: 0, changed_at: 0, changed_by: 0, revision: 0 });
const approval = (env) => ({ refused: [409, `changes of flags in ${env} need an approval; plan the change, and have somebody else approve it. Switching a flag off needs none`] });
const faster = { refused: [412, 'it was changed by somebody else meanwhile; look at it again and repeat your change'] };

// another is somebody who changes a flag while it is being edited.
export function another(world, send, name, env, state) {
  const f = find(world, name);
  f.states[env] = { ...f.states[env], ...state, changed_at: now(), changed_by: 'person:chen', revision: (f.states[env]?.revision ?? 0) + 1 };
  send('flag.changed', { flag: f.id, name: f.name });
}

function put(c, env, name, b) {
  const f = find(c.world, name);
  if (!f) return undefined;
  const from = f.states[env];
  if (c.world.flagsFaster) return faster;
  if ((settings(c.world).approvals ?? []).includes(env) && !offOnly(from, sent(b))) return approval(env);
  const state = { ...sent(b), on: b.on ?? false, changed_at: now(), changed_by: 'person:ana', revision: (from?.revision ?? 0) + 1 };
  Object.assign(f, { changed_at: now(), changed_by: 'person:ana' });
  f.states[env] = state;
  history(c.world).unshift([f.id, { id: `chg_${history(c.world).length + 1}`, environment: env, at: now(), by: 'person:ana', how: 'edited', reason: b.reason, words: from?.on && !state.on ? 'switched off' : 'changed', before: from, after: state, revision: state.revision }]);
  c.send('flag.changed', { flag: f.id, name: f.name });
  return state;
}

function wish(c, env, name, b) {
  const f = find(c.world, name);
  if (!f) return undefined;
  const from = f.states[env] ?? {};
  const to = { ...sent(b), on: b.on ?? false };
  const patch = {};
  const before = {};
  for (const k of new Set([...Object.keys(from), ...Object.keys(to)])) {
    if (['changed_at', 'changed_by', 'revision'].includes(k) || JSON.stringify(from[k]) === JSON.stringify(to[k])) continue;
    patch[k] = to[k] ?? null;
    before[k] = from[k] ?? null;
  }
  const needs = (settings(c.world).approvals ?? []).includes(env);
  if (b.zone === 'Mars/Base') return { refused: [422, 'there is no time zone "Mars/Base"; they are called as Europe/Berlin is', [{ field: 'body.zone', message: 'no zone' }]] };
  const p = { id: `fpl_${plans(c.world).length + 1}`, flag: f.id, name: f.name, environment: env, patch, before, words: 'rules changed', reason: b.reason, by: 'person:ana', at: now(), status: needs ? 'waiting' : 'approved', ...(b.wall ? { wall: b.wall, zone: b.zone, due: '2030-01-01T00:00:00Z' } : {}) };
  plans(c.world).unshift(p);
  c.send('change.planned', { plan: p.id });
  return p;
}

function decide(c, env, id, b) {
  const p = plans(c.world).find((x) => x.id === id && x.environment === env);
  if (!p) return { refused: [404, `there is no planned change ${id} in ${env}`] };
  if (!open(p)) return { refused: [409, `this change is ${p.status} already`] };
  const status = b.decision === 'approve' ? (p.due ? 'approved' : 'done') : p.by === 'person:ana' ? 'withdrawn' : 'refused';
  Object.assign(p, { status, decided_by: 'person:ana', decided_at: now(), said: b.said });
  c.send('change.settled', { plan: p.id });
  return p;
}

// What the shop's visitors have; whom a rule takes is made up by its condition.
const attributes = [
  { name: 'country', visitors: 9640, examples: ['"US"', '"DE"', '"CA"', '"FR"'] }, { name: 'email', visitors: 3120, examples: ['"ana@shop.example"'] }, { name: 'id', visitors: 9800, examples: ['"u110"', '"u111"'] }, { name: 'orders', visitors: 2900, examples: ['1', '2', '5'] },
  { name: 'plan', visitors: 3180, examples: ['"free"', '"pro"', '"team"'] }, { name: 'newsletter', visitors: 3000, examples: ['true', 'false'] },
];
const known = ['$eq', '$ne', '$lt', '$lte', '$gt', '$gte', '$veq', '$vlt', '$vlte', '$vgt', '$vgte', '$in', '$nin', '$ini', '$nini', '$inGroup', '$notInGroup', '$regex', '$regexi', '$exists', '$and', '$or', '$not', '$savedGroup'];

function unknownIn(v, at) {
  if (typeof v !== 'object' || v === null) return undefined;
  for (const [k, one] of Object.entries(v)) {
    if (k.startsWith('$') && !known.includes(k)) return [`${at}.${k}`, k];
    const deeper = unknownIn(one, `${at}.${k}`);
    if (deeper) return deeper;
  }
  return undefined;
}

function preview(c, env, name, b) {
  const f = find(c.world, name);
  if (!f) return undefined;
  const rules = b.rules ?? [];
  for (const [i, r] of rules.entries()) {
    const wrong = unknownIn(r.condition, `rules[${i}].condition`);
    if (wrong) return { fault: `features.${f.name}.${wrong[0]}: ${wrong[1]} is no operator; there are ${known.slice(0, 6).join(', ')} and more`, path: wrong[0] };
    if (f.type === 'boolean' && 'force' in r && typeof r.force !== 'boolean' && r.force !== null) return { fault: `the value of rule ${i + 1} must be a boolean, not ${JSON.stringify(r.force)}`, path: `rules[${i}].force` };
  }
  if (!b.visitors || f.kind !== 'flag') return {};
  if (c.world.empty) return { visitors: 0, sampled: 0, rules: rules.map(() => 0), otherwise: 0, attributes: [] };
  let left = 9800;
  const taken = rules.map((r) => {
    const n = Math.round(left * (r.condition ? 1 / (4 + (JSON.stringify(r.condition).length % 7)) : 1) * (r.coverage ?? 1));
    left -= n;
    return n;
  });
  return { visitors: 9800, sampled: 1960, rules: taken, otherwise: left, attributes };
}

function evaluate(world, env, b) {
  const given = all(world).filter((f) => f.kind !== 'sample' && !f.archived_at).map((f) => {
    const s = f.states[env];
    if (!s?.on) return { flag: f.name, value: s?.off ?? (f.type === 'boolean' ? false : null), by: 'off' };
    const i = (s.rules ?? []).findIndex((r) => r.variations || JSON.stringify(r.condition ?? '').includes(String(b.attributes.plan ?? 'nothing')));
    if (i < 0) return { flag: f.name, value: s.default ?? true, by: 'default' };
    const r = s.rules[i];
    return r.variations ? { flag: f.name, value: r.variations[1], by: 'experiment', ...(r.id ? { rule: r.id } : {}), place: i + 1, variation: '1' } : { flag: f.name, value: r.force, by: 'force', ...(r.id ? { rule: r.id } : {}), place: i + 1 };
  });
  return { flags: given };
}

const places = {
  'new-checkout': [{ path: 'src/checkout/page.ts', line: 41, text: "  if (flags.isOn('new-checkout')) {" }, { path: 'src/checkout/page.ts', line: 112, text: "    track('checkout seen', { new: flags.isOn('new-checkout') })" }, { path: 'server/api/basket.go', line: 88, text: '\tif flags.Bool(ctx, "new-checkout", false) {' }],
};

function refs(world, name) {
  if (world.empty) return { refused: [404, 'shop has no repository here; push it first'] };
  const found = (places[name] ?? []).map((r) => ({ flag: name, ...r }));
  return { commit: world.commits[9].sha, branch: 'main', refs: found, unnamed: found.length === 0 ? [name] : [] };
}

function make(c, b) {
  if (all(c.world).some((f) => f.name === b.name && f.kind === (b.kind ?? 'flag'))) return { refused: [409, `shop has a ${b.kind ?? 'flag'} named "${b.name}" already; choose another name`, [{ field: 'body.name', message: 'choose another name' }]] };
  const { reason, ...said } = b;
  const f = { id: `flg_${all(c.world).length + 1}`, app: 'shop', kind: 'flag', type: 'boolean', name: 'new', ...said, states: {}, needs: {}, created_at: now(), created_by: 'person:ana', changed_at: now(), changed_by: 'person:ana' };
  all(c.world).push(f);
  return f;
}

function move(c, name, b) {
  const f = find(c.world, name);
  if (!f) return undefined;
  if (b.change === 'archive') f.archived_at = now();
  else if (b.change === 'bring_back') delete f.archived_at;
  else if (b.change === 'restore') {
    const [, change] = history(c.world).find(([flag, x]) => flag === f.id && x.id === b.restored) ?? [];
    f.states[change.environment] = { ...change.after, changed_at: now(), changed_by: 'person:ana', revision: (f.states[change.environment]?.revision ?? 0) + 1 };
  }
  c.send('flag.changed', { flag: f.id });
  return f;
}

function addKey(c, b) {
  const k = { ...keys(c.world)[0], id: `fky_${keys(c.world).length + 1}`, app: 'shop', name: b.name ?? 'new', kind: b.kind ?? 'client', environment: b.environment ?? 'production', key: `${b.kind === 'server' ? 'sfk' : 'cfk'}_made7Lr5Nw1Yb`, created_at: now(), created_by: 'person:ana', ...(b.remote ? { remote: true } : {}) };
  keys(c.world).push(k);
  return k;
}

function changeKey(c, id, b) {
  const k = keys(c.world).find((x) => x.id === id);
  if (!k) return { refused: [404, `there is no key ${id}`] };
  return Object.assign(k, b.change === 'turned' ? { key: 'cfk_turned2sK9mPq4x' } : { stopped: b.change === 'stopped' });
}

function putGroup(c, id, b) {
  const there = groups(c.world).find((g) => g.id === decoded(id));
  const g = { id: decoded(id), definition: b.definition ?? [], note: b.note, changed_at: now(), changed_by: 'person:ana' };
  if (there) return Object.assign(there, g);
  groups(c.world).push(g);
  return g;
}

export const flags = [
  ['GET', /^apps\/shop\/flags$/, (c, q) => ({ items: all(c.world).filter((f) => q.get('archived') === 'true' || !f.archived_at).sort((a, b) => (a.name < b.name ? -1 : 1)) })],
  ['POST', /^apps\/shop\/flags$/, (c, q, _, __, b) => make(c, b)],
  ['GET', /^apps\/shop\/flags\/([^/]+)$/, (c, q, name) => find(c.world, name)],
  ['PUT', /^apps\/shop\/flags\/([^/]+)$/, (c, q, name, _, { reason, ...b }) => { const f = find(c.world, name); return f && Object.assign(f, b, { changed_at: now(), changed_by: 'person:ana' }); }],
  ['GET', /^apps\/shop\/flags\/([^/]+)\/changes$/, (c, q, name) => { const f = find(c.world, name); return f && { items: history(c.world).filter(([flag]) => flag === f.id).map(([, x]) => x) }; }],
  ['POST', /^apps\/shop\/flags\/([^/]+)\/changes$/, (c, q, name, _, b) => move(c, name, b)],
  ['PUT', /^apps\/shop\/environments\/(\w+)\/flags\/([^/]+)$/, (c, q, env, name, b) => put(c, env, name, b)],
  ['POST', /^apps\/shop\/environments\/(\w+)\/flags\/([^/]+)\/plans$/, (c, q, env, name, b) => wish(c, env, name, b)],
  ['POST', /^apps\/shop\/environments\/(\w+)\/flags\/([^/]+)\/previews$/, (c, q, env, name, b) => preview(c, env, name, b)],
  ['POST', /^apps\/shop\/environments\/(\w+)\/evaluations$/, (c, q, env, _, b) => evaluate(c.world, env, b)],
  ['GET', /^apps\/shop\/plans$/, (c, q) => ({ items: plans(c.world).filter((p) => (q.get('all') === 'true' || open(p)) && (!q.get('flag') || p.flag === q.get('flag'))) })],
  ['GET', /^apps\/shop\/environments\/(\w+)\/plans\/(\w+)$/, (c, q, env, id) => plans(c.world).find((p) => p.id === id && p.environment === env)],
  ['POST', /^apps\/shop\/environments\/(\w+)\/plans\/(\w+)\/decisions$/, (c, q, env, id, b) => decide(c, env, id, b)],
  ['GET', /^apps\/shop\/groups$/, (c) => ({ items: groups(c.world) })],
  ['GET', /^apps\/shop\/groups\/([^/]+)$/, (c, q, id) => groups(c.world).find((g) => g.id === decoded(id))],
  ['PUT', /^apps\/shop\/groups\/([^/]+)$/, (c, q, id, _, b) => putGroup(c, id, b)],
  ['DELETE', /^apps\/shop\/groups\/([^/]+)$/, (c, q, id) => void (c.world.flagGroups = groups(c.world).filter((g) => g.id !== decoded(id)))],
  ['GET', /^apps\/shop\/keys$/, (c) => ({ items: keys(c.world) })],
  ['POST', /^apps\/shop\/keys$/, (c, q, _, __, b) => addKey(c, b)],
  ['POST', /^apps\/shop\/keys\/(\w+)\/changes$/, (c, q, id, _, b) => changeKey(c, id, b)],
  ['GET', /^apps\/shop\/flag-settings$/, (c) => settings(c.world)],
  ['PUT', /^apps\/shop\/flag-settings$/, (c, q, _, __, { reason, ...b }) => (c.world.flagSettings = b)],
  ['GET', /^apps\/shop\/flag-refs$/, (c, q) => refs(c.world, q.get('flag') ?? '')],
];
