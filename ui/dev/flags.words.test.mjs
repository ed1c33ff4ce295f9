import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

// What flags are in words, conditions as fields, states as they are typed, and what changes from one to another.
let vite, words, conditions, drafts, diffs;
before(async () => {
  vite = await createServer({ root: fileURLToPath(new URL('..', import.meta.url)), server: { middlewareMode: true, ws: false, watch: null }, appType: 'custom', logLevel: 'error', optimizeDeps: { noDiscovery: true } });
  [words, conditions, drafts, diffs] = await Promise.all(['/src/words/flags.ts', '/src/flags/condition.ts', '/src/flags/draft.ts', '/src/flags/diff.ts'].map((m) => vite.ssrLoadModule(m)));
});
after(() => vite.close());

const flag = { kind: 'flag', type: 'boolean' };

test('what a flag gives is said in two words', () => {
  const cases = [
    [flag, undefined, 'off'],
    [flag, { on: false, rules: [{ force: true }] }, 'off'],
    [flag, { on: true }, 'on for all'],
    [flag, { on: true, default: false }, 'off for all'],
    [flag, { on: true, default: false, rules: [{ force: true, coverage: 0.1, hashVersion: 2 }] }, '10 %'],
    [flag, { on: true, default: false, rules: [{ force: true }, { force: false }] }, 'on for all'],
    [flag, { on: true, default: false, rules: [{ condition: { country: 'US' }, force: true }] }, '1 rule'],
    [flag, { on: true, rules: [{ condition: { a: 1 }, force: true }, { force: true, coverage: 0.5 }] }, '2 rules'],
    [{ kind: 'flag', type: 'string' }, { on: true, default: 'blue' }, '"blue" for all'],
    [{ kind: 'flag', type: 'string' }, { on: true, default: 'a', rules: [{ variations: ['a', 'b'] }] }, 'experiment'],
    [{ kind: 'flag', type: 'number' }, { on: true, rules: [{ id: 'ramp-rmp_1', variations: [20, 50], weights: [0.9, 0.1] }, { force: 5 }] }, 'ramp at 10 %', { share: 0.1 }],
    [{ kind: 'flag', type: 'number' }, { on: true, rules: [{ id: 'ramp-rmp_1', variations: [20, 50], weights: [0.9, 0.1] }, { force: 5 }] }, '2 rules'],
    [flag, { on: false }, 'off', { share: 0.1 }],
    [{ kind: 'flag', type: 'json' }, { on: true, default: { text: 'Free shipping until Sunday' } }, '{"text":"Free shi… for all'],
    [flag, { on: true, audience: { percent: 10, staff: true, users: ['a', 'b'], languages: ['en'] } }, '10 %, staff and 2 more'],
    [flag, { on: true, audience: { everyone: false, percent: 10 } }, 'off for all'],
    [flag, { on: true, audience: {} }, 'on for nobody'],
    [{ kind: 'switch' }, { on: true }, 'on for all'],
    [{ kind: 'sample' }, { on: true, percent: 12.5 }, '12.5 %'],
    [{ kind: 'sample' }, { on: true }, '0 %'],
  ];
  for (const [f, s, said, ramp] of cases) assert.equal(words.gives(f, s, ramp), said, JSON.stringify(s));
});

test('a rule is said in one line', () => {
  assert.equal(words.rule({ condition: { country: { $in: ['US', 'CA'] }, plan: 'pro' }, force: true, coverage: 0.1 }), '10 % where country is one of US, CA and plan is pro → true');
  assert.equal(words.rule({ force: 'x', coverage: 0.5 }), '50 % of everybody → "x"');
  assert.equal(words.rule({ variations: ['a', 'b'] }), 'everybody → "a" or "b"');
  assert.equal(words.rule({ variations: [20, 50], meta: [{ key: 'old', passthrough: true }, { key: 'new' }] }), 'everybody → the next rule or 50');
  assert.equal(words.rule({ condition: { $or: [{ a: 1 }] }, force: true }), 'those whom its condition means → true');
  assert.equal(words.rule({ condition: { $savedGroup: { id: 'beta' } }, force: true }), 'in the group beta → true');
});

test('a condition that fields can say comes back as it was; any other one stays JSON', () => {
  const said = [
    undefined, { country: 'US' }, { age: { $gte: 18, $lt: 65 } }, { plan: { $in: ['pro', 'team'] }, beta: true }, { orders: { $gt: 3 } }, { email: { $regexi: '@x\\.example$' } }, { version: { $vgte: '1.2.0' } },
    { name: { $exists: true } }, { name: { $exists: false } }, { id: { $inGroup: 'beta' } }, { $savedGroup: { id: 'beta' } }, { n: { $in: [1, 2] } }, { empty: '' }, { id: 5, $and: [{ id: { $ne: 6 } }] },
  ];
  for (const c of said) {
    const rows = conditions.rowsOf(c);
    assert.ok(rows, JSON.stringify(c));
    assert.deepEqual(conditions.conditionOf(rows), { value: c, faults: [] });
  }
  for (const c of [{ $or: [{ a: 1 }] }, { a: null }, { a: { $elemMatch: { b: 1 } } }, { a: [1] }, { a: { $in: ['x,y'] } }, { a: { $in: ['1', 2] } }, { a: { $eq: 'x' } }, { $not: { a: 1 } }, [], 'x']) assert.equal(conditions.rowsOf(c), undefined, JSON.stringify(c));
});

test('rows that are none yet say what is missing, and one attribute can be asked for twice', () => {
  const row = (attribute, is, value, kind = 'text') => ({ attribute, is, value, kind });
  const { faults } = conditions.conditionOf([row('', '$eq', 'x'), row('n', '$gt', 'many', 'number'), row('t', '$eq', 'yes', 'truth'), row('l', '$in', ' , '), row('id', '$inGroup', ''), row('ok', '$eq', '')]);
  assert.deepEqual(faults.map((f) => f !== undefined), [true, true, true, true, true]);
  assert.deepEqual(conditions.conditionOf([row('a', '$gt', '1', 'number'), row('a', '$lt', '5', 'number'), row('a', '$lt', '4', 'number')]).value, { a: { $gt: 1, $lt: 5 }, $and: [{ a: { $lt: 4 } }] });
  assert.deepEqual(conditions.conditionOf([row('n', '$in', '1, 2', 'number')]).value, { n: { $in: [1, 2] } });
});

test('a state that was only looked at is the same state, whatever it has', () => {
  const third = 1 / 3;
  const states = [
    [flag, { on: true, default: false, rules: [{ id: 'a', condition: { $or: [{ x: 1 }] }, force: true, coverage: third, hashVersion: 2 }, { parentConditions: [{ id: 'b', condition: { value: true } }], force: null }] }],
    [{ kind: 'flag', type: 'string' }, { on: false, off: '', default: 'null', rules: [{ variations: ['a', 'b', 'c'], weights: [third, third, third], meta: [{ key: 'x' }, {}, {}], namespace: ['n', 0, 0.5], key: 'k' }] }],
    [{ kind: 'flag', type: 'number' }, { on: true, default: 1.5, rules: [{ force: 0 }] }],
    [{ kind: 'flag', type: 'json' }, { on: true, default: { a: [1, null] }, off: null }],
    [{ kind: 'flag', type: 'string' }, { on: true, rules: [{ weights: [1] }] }],
    [flag, { on: true, audience: { everyone: true, percent: 12.5, testing: true, superusers: true, staff: true, authenticated: true, languages: ['en'], groups: ['g'], users: ['u'], rollout: true, note: 'n' } }],
    [{ kind: 'sample' }, { on: true, percent: 0.5 }],
  ];
  for (const [f, s] of states) {
    const draft = JSON.parse(JSON.stringify(drafts.begin(f, s))); // as it is put away and found again
    assert.deepEqual(drafts.build(f, draft), { state: s, faults: {} }, JSON.stringify(s));
    assert.equal(drafts.touched(f, draft), false);
  }
});

test('what is typed and is no value is said at its field, and the rest is built', () => {
  const d = drafts.begin({ kind: 'flag', type: 'number' }, { on: true, default: 1, rules: [{ force: 1 }, { force: 2 }] });
  d.otherwise = 'one';
  d.rules[0] = { ...d.rules[0], share: '120', force: '1x' };
  d.rules[1] = { ...d.rules[1], rows: null, condition: '{"a":' };
  const { faults } = drafts.build({ kind: 'flag', type: 'number' }, d);
  assert.deepEqual(Object.keys(faults).sort(), ['default', 'rules[0].force', 'rules[0].share', 'rules[1].condition']);
  const experiment = drafts.begin(flag, { on: true, rules: [{ variations: [false, true], weights: [0.5, 0.5] }] });
  experiment.rules[0].variations[0].weight = '40';
  assert.match(drafts.build(flag, experiment).faults['rules[0].weights'], /Together they are 90 %/);
  experiment.rules[0].variations[0].weight = '';
  assert.match(drafts.build(flag, experiment).faults['rules[0].weights'], /Each variation needs a percentage/);
  const audience = drafts.begin(flag, { on: true, audience: {} });
  audience.audience.percent = '12.55';
  audience.audience.users = 'u1, u2\nu1';
  const built = drafts.build(flag, audience);
  assert.deepEqual(Object.keys(built.faults), ['audience.percent']);
  assert.deepEqual(built.state.audience.users, ['u1', 'u2']);
});

test('a draft is overtaken by what others set, and not by the switch', () => {
  const d = drafts.begin(flag, { on: true, default: false, revision: 1 });
  assert.equal(drafts.overtaken(d, { on: false, default: false, revision: 2 }), false);
  assert.equal(drafts.overtaken(d, { on: true, default: true, revision: 2 }), true);
});

test('a change is told line by line: rules are found again by their id, as they were, or at their place', () => {
  const a = { id: 'a', condition: { country: 'US' }, force: true };
  const b = { id: 'b', force: true, coverage: 0.1 };
  const c = { force: false };
  const lines = (from, to) => diffs.compare({ on: true, rules: from }, { on: true, rules: to }).map((l) => [l.what, l.was, l.is].filter(Boolean).join(' | '));
  assert.deepEqual(lines([a, b], [a, { ...b, coverage: 0.25 }]), ['Rule 2 (b): share | 10 % | 25 %']);
  assert.deepEqual(lines([a, b], [b]), ['Rule 1 taken out | country is US → true']);
  assert.deepEqual(lines([b], [a, b]), ['Rule 1 added | country is US → true']);
  assert.deepEqual(lines([a, b], [b, a]).length, 2);
  assert.deepEqual(lines([c], [{ force: true }]), ['Rule 1: value | false | true']);
  assert.deepEqual(lines([a], [{ ...a, condition: { $or: [] } }]), ['Rule 1 (a): whom it means | country is US | {"$or":[]}']);
  assert.deepEqual(diffs.compare({ on: true, default: 1 }, { on: false }).map((l) => l.what), ['Switch', 'Where no rule decides']);
  assert.deepEqual(diffs.compare({ on: true, percent: 10 }, { on: true, percent: 12.5 }), [{ what: 'Share of the questions', was: '10 %', is: '12.5 %' }]);
  assert.deepEqual(diffs.compare({ rules: [b] }, { rules: [b] }), []);
  assert.equal(diffs.compare(undefined, { on: true, audience: { percent: 5 } }).length, 3);
});

test('only a change that switches off, and does nothing else, needs no approval', () => {
  assert.equal(diffs.offOnly({ on: true, default: 1 }, { on: false, default: 1 }), true);
  assert.equal(diffs.offOnly({ on: true, default: 1 }, { on: false, default: 2 }), false);
  assert.equal(diffs.offOnly({ on: false }, { on: true }), false);
  assert.equal(diffs.offOnly(undefined, { on: false }), false);
});
