import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

// The parts of the page that only reckon: words for numbers and times, addresses, the layout of the picture of a build, the lines of a log.
let vite, bands, cohorts, decisions, figures, plans, questions, lone, placed, smooth, number, time, addresses, lanes, log, save, verdicts, meanings, runs, tell;
before(async () => {
  vite = await createServer({ root: fileURLToPath(new URL('..', import.meta.url)), server: { middlewareMode: true, ws: false, watch: null }, appType: 'custom', logLevel: 'error', optimizeDeps: { noDiscovery: true } });
  const load = (path) => vite.ssrLoadModule('/src/' + path);
  number = await load('words/number.ts');
  time = await load('words/time.ts');
  addresses = await load('nav/addresses.ts');
  lanes = await load('build/lanes.ts');
  log = await load('build/log.svelte.ts');
  ({ lone, placed } = await load('charts/curve.ts'));
  bands = await load('rollout/band.ts');
  smooth = await load('rollout/smooth.ts');
  decisions = await load('rollout/decisions.ts');
  save = await load('charts/save.ts');
  verdicts = await load('verdict/words.ts');
  questions = await load('events/question.ts');
  cohorts = await load('events/cohorts.ts');
  figures = await load('events/figures.ts');
  plans = await load('events/plan.ts');
  ({ meanings } = await load('words/meanings.ts'));
  ({ runs, tell } = await load('words/tell.ts'));
});
after(() => vite?.close());

test('shares keep the digits that matter', () => {
  for (const [share, want] of [[0, '0 %'], [0.00001, '< 0.01 %'], [0.0004, '0.04 %'], [0.0312, '3.1 %'], [0.42, '42 %'], [0.9999, '100 %'], [1, '100 %'], [null, '–'], [NaN, '–']]) {
    assert.equal(number.percent(share), want, String(share));
  }
});

test('of a part, 100 % is all and 0 % is none', () => {
  for (const [n, all, want] of [[0, 9, '0 %'], [1, 1_000_000, '< 0.01 %'], [4122, 4123, '> 99.9 %'], [999_999, 1_000_000, '> 99.9 %'], [997, 1000, '99.7 %'], [7, 7, '100 %'], [1, 0, '–']]) assert.equal(number.partOf(n, all), want, `${n} of ${all}`);
});

test('powers of ten are said in words', () => {
  for (const [x, want] of [[-3, '0.1 or less'], [0, '1'], [1.902, '80'], [3.6, '4,000'], [6.3, '2 million'], [5, '100,000'], [6, '1 million'], [9, '1 billion'], [10.1, '13 billion'], [12.4, '2.5 trillion'], [15, '1,000 trillion'], [40, 'over 1,000 trillion'], [Infinity, '–']]) {
    assert.equal(number.power(x), want, String(x));
  }
});

test('forecasts are in one unit, harm is a word', () => {
  for (const [s, want] of [[0.2, '1 s'], [97, '97 s'], [142, '2 min'], [5400, '90 min'], [10_000, '3 h'], [700_000, '8 d']]) assert.equal(time.roughly(s), want, String(s));
  for (const [r, want] of [[2, 'A doubling'], [3, 'A tripling'], [1.5, 'A rise to 1.5 ×']]) assert.equal(number.harm(r), want, String(r));
  for (const [r, want] of [[2, 'A halving'], [4, 'A drop to 0.25 ×']]) assert.equal(number.harm(r, 'drop'), want, String(r));
});

test('what a vital measures is said in its unit', () => {
  for (const [unit, n, want] of [['share', 0.02, '2 %'], ['cores', 0.4213, '0.42 cores'], ['cores', 0.0213, '0.021 cores'], ['bytes', 18_400_000, '18 MB'], ['load', 1.234, '1.23'], ['errors', 12.54, '12.5 each'], ['cores', null, '–']]) assert.equal(number.measured(unit)(n), want, unit);
});

test('ratios, sizes and counts', () => {
  assert.equal(number.times(0.93), '0.9 ×');
  assert.equal(number.times(0.25), '0.25 ×');
  assert.equal(number.times(12.4), '12 ×');
  assert.equal(number.bytes(999), '999 B');
  assert.equal(number.bytes(18_400_000), '18 MB');
  assert.equal(number.bytes(999_999), '1 MB');
  assert.equal(number.plural(1, 'unit'), '1 unit');
  assert.equal(number.plural(2000, 'unit'), '2,000 units');
});

test('durations and ages', () => {
  for (const [d, want] of [[840, '840 ms'], [3200, '3.2 s'], [9960, '10 s'], [59_400, '59 s'], [64_000, '1 min 04 s'], [300_000, '5 min'], [7_800_000, '2 h 10 min'], [-1, '–'], [NaN, '–']]) {
    assert.equal(time.lasting(d), want, String(d));
  }
  const now = 1_000_000_000_000;
  for (const [before, want] of [[500, 'now'], [12_000, '12 s ago'], [-180_000, 'in 3 min'], [86_400_000, '1 day ago'], [2 * 86_400_000, '2 days ago']]) {
    assert.equal(time.ago(now - before, now), want);
  }
});

test('every address that is made is found again', () => {
  const { find, to } = addresses;
  assert.deepEqual(find('/'), { name: 'home' });
  assert.deepEqual(find(to.line('my app')), { name: 'line', app: 'my app' });
  assert.deepEqual(find(to.build('shop', 'bld_1')), { name: 'build', app: 'shop', id: 'bld_1' });
  assert.deepEqual(find(to.rollout('shop', 'rol_1')), { name: 'rollout', app: 'shop', id: 'rol_1' });
  assert.deepEqual(find(to.events('shop', 'sql', 'staging').split('?')[0]), { name: 'events', app: 'shop', tab: 'sql' });
  assert.deepEqual(find('/apps/shop/events'), { name: 'events', app: 'shop', tab: 'live' });
  assert.deepEqual(find(to.verdicts('shop', 'staging').split('?')[0]), { name: 'verdicts', app: 'shop' });
  assert.deepEqual(find(to.release('shop', 'rel_1')), { name: 'release', app: 'shop', id: 'rel_1' });
  assert.deepEqual(find(to.settings('shop', 'config')), { name: 'settings', app: 'shop', tab: 'config' });
  assert.deepEqual(find('/apps/shop'), { name: 'line', app: 'shop' });
  assert.deepEqual(find('/apps/shop/nothing'), { name: 'missing' });
  assert.deepEqual(find('/settings'), { name: 'server', tab: 'people' });
  assert.deepEqual(find('/settings/tokens'), { name: 'server', tab: 'tokens' });
  assert.deepEqual(find('/apps/%zz/line'), { name: 'line', app: '%zz' });
});

const at = (ms) => new Date(1_700_000_000_000 + ms).toISOString();
const lease = (more) => ({ id: 'l', kind: 'test', suite: 'go', worker: 'w1', agent: 'a', state: 'done', units: 1, granted_at: at(0), started_at: at(0), ended_at: at(1000), setup_ms: 0, ran_ms: 0, exit: 0, reason: '', log_size: 0, ...more });
const unit = (more) => ({ suite: 'go', unit: 'u', status: 'passed', duration_ms: 100, expected_ms: 0, worker: 'w1', lease: 'l', started_at: at(0), attempts: 1, output: '', failed_tests: [], ...more });

test('units that overlap on a worker get lanes of their own, those that follow share one', () => {
  const [row] = lanes.rows([unit({ unit: 'a', duration_ms: 500 }), unit({ unit: 'b', started_at: at(200), duration_ms: 500 }), unit({ unit: 'c', started_at: at(600) })], [lease()], 0);
  assert.equal(row.lanes, 2);
  assert.deepEqual(row.bars.map((b) => [b.text, b.lane]), [['a', 0], ['b', 1], ['c', 0]]);
});

test('units without a start follow each other after the setup; a lost lease is a bar', () => {
  const rows = lanes.rows([unit({ unit: 'a', started_at: null }), unit({ unit: 'b', started_at: null })], [lease({ setup_ms: 50 }), lease({ id: 'm', worker: 'w2', state: 'lost' })], 0);
  const start = Date.parse(at(0));
  assert.deepEqual(rows.map((r) => r.worker), ['w1', 'w2']);
  assert.deepEqual(rows[0].bars.map((b) => [b.text, b.from - start, b.to - start]), [['setup', 0, 50], ['a', 50, 150], ['b', 150, 250]]);
  assert.equal(rows[1].bars[0].status, 'lost');
});

test('lines of a log: colours are kept, other control sequences are not, what was written over is gone', () => {
  assert.deepEqual(log.spans('plain'), [{ text: 'plain', style: '' }]);
  assert.deepEqual(log.spans('\x1b[1;31mFAIL\x1b[0m done\x1b[2K').map((s) => [s.text, s.style.trim().split(/\s+/).sort().join(' ')]), [['FAIL', 'alarm bold'], [' done', '']]);
  assert.deepEqual(log.spans('10 %\r 50 %\r100 %\r'), [{ text: '100 %', style: '' }]);
});

test('CSV quotes names and leaves gaps empty', () => {
  assert.equal(save.csv([0, 1], [{ label: 'new, all', kind: 'new', values: [1, null] }]), 'time,"new, all"\n1970-01-01T00:00:00.000Z,1\n1970-01-01T00:00:01.000Z,\n');
});

test('rates are smoothed over the last seconds, by requests', () => {
  const rates = smooth.smooth([1, 0, 0, 0.5], [2, 2, 0, 4], [10, 11, 12, 25], 15);
  assert.deepEqual(rates, [1, 0.5, 0.5, 2 / 6]);
  assert.deepEqual(smooth.smooth([0], [0], [1], 15), [null]);
  // Nobody was at risk for a minute: that is a gap, not 0 %, and it weighs nothing afterwards.
  assert.deepEqual(smooth.smooth([0.2, null, null, 0.2], [5, 0, 0, 5], [10, 40, 70, 71], 15), [0.2, null, null, 0.2]);
});

test('the band of a ratio keeps its height above 4 times, and is cut where it has no end', () => {
  // Without an event on the old release there is no estimate and no upper bound, but a lower one.
  const open = bands.band([0, 6, 9], [0, 0, 0], [0, 0, 0], 2);
  assert.equal(open.roof, 5);
  assert.deepEqual(open.ratio, [null, null, null]);
  assert.ok(open.high.every((h, i) => h - open.low[i] >= 1), 'the band has collapsed');
  const closed = bands.band([8], [24], [14], 2);
  assert.deepEqual([closed.low[0], closed.high[0].toFixed(2), closed.roof], [3, '4.58', 5]);
  assert.deepEqual(bands.band([0.01], [1e9], [1], 2), { low: [-3], high: [2], ratio: [0], floor: -3, roof: 2 });
});

test('the budget and the basis of an estimate in words', () => {
  assert.equal(verdicts.alarms(1, 30, 0.9856), '1 false alarm in 30 days; the budget is 1.');
  assert.equal(verdicts.alarms(0, 7, 0.23), '0 false alarms in 7 days; the budget is 0.2.');
  for (const [n, want] of [[0, '0'], [0.04, '0.04'], [0.002, '0.002'], [0.4312, '0.4'], [2.96, '3'], [12.4, '12']]) assert.equal(verdicts.small(n), want);
  for (const [n, want] of [[0, '0'], [7, '7'], [1949, '1,900'], [12_511, '13,000']]) assert.equal(number.rough(n), want);
  const harm = { kind: 'failed', done: 1, spared: 5212, spared_at_least: 1830, a_second: 1.804, rest_s: 289 };
  assert.equal(
    verdicts.basis(harm),
    'An estimate. With everybody on it there had been 1.8 failed requests a second more than on the old release. The rest of its planned watch comes to 4 min 49 s of everybody; the time after it is left out, ' +
      'though nobody might have noticed. By the lower end of the interval for the ratio it is 1,800. Until the last visitor was off it, visitors met 1 failed request more than on the old release.',
  );
  assert.doesNotMatch(verdicts.basis({ ...harm, spared_at_least: 0 }), /lower end/);
});

test('CSV holds the numbers and not what the scale makes of them', () => {
  assert.equal(save.csv([0], [{ label: 'to', kind: 'high', values: [2], raw: [1e9] }]), 'time,to\n1970-01-01T00:00:00.000Z,1000000000\n');
});

// What the server says of a rollout: a number that stays among the words has no definition.
const sentences = {
  "Watched with 10 % of visitors: 20 s to go; errors 1.5 times the old release's": ['share', 'left', 'ratio'],
  'Visitors move to the new release: the visitors of 2 of 9 hosts': ['share'],
  '3 of 9 hosts hold the new release': ['hosts_ready'],
  "errors: 3.1 times the old release's (41 against 13 expected); a release that changes nothing shows this, however often one looks, in at most 1 of 2,500 rollouts": ['ratio', 'expected', 'odds'],
  "also worse: requests slower than 840 ms: 2.0 times the old release's (120 against 60 expected)": ['slow_from', 'ratio', 'expected'],
  "errors: 0.92 times the old release's (9 against 9.8 expected); a rise to 1.5 times is ruled out (95 % sure)": ['ratio', 'expected', 'rule_out', 'sure'],
  "orders: 0.80 times the old release's (1,200 against 1,500 expected); about 12 thousand more requests are needed to rule out a drop to 50 %": ['ratio', 'expected', 'missing', 'rule_out'],
  "order_completed per page: 0.52 times the old release's (104 against 200 expected); about 1,900 more events are needed to rule out a halving": ['ratio', 'expected', 'missing'],
  'order_completed per page: none on either release in 5,100 events; about 40 would have to happen to rule out a halving': ['of_events', 'missing'],
  'errors: none on either release in 4,100 requests; about 3,000 more without any are needed to be sure': ['requests', 'missing'],
  'errors: 2 on the new release in 9,000 requests: fewer than the 0.1 % that would matter (95 % sure)': ['at_risk', 'requests', 'matters', 'sure'],
  "cpu: 1.31 times the old release's (3 hosts against 6); that is not enough to tell whether a doubling is ruled out": ['ratio', 'measured_hosts'],
  'errors, visitor by visitor: of 660 visitors with errors 66 are on the new release (66 expected), with 12.5 errors each, against 2.4 on the old one; a release that changes nothing shows this, however often one looks, in at most 1 of 2,500 rollouts': ['erred', 'erred_new', 'errors_each', 'odds'],
  'requests slower than it: 60 % of all requests already, so that it cannot rise by much': ['cannot_rise'],
  'the split is wrong: the new release gets 8.1 % of the requests, and should get 10 %.': ['split_check'],
  'split by visitors on 9 hosts; at most 0.6 % of good releases come back: 0.5 false alarms a month over 80 rollouts; at 40 requests a second and 0.4 % of them, a doubling of errors will be seen in about 97 s (in 9 of 10 cases), and the first watch is 60 s': ['hosts', 'alpha', 'alarm_budget', 'per_second', 'power', 'watch'],
  "the new release's process died 3 times, last on host host-4: exit status 2": ['deaths', 'exit_status'],
  'Rolled back after 31 s: errors were 10.5 times the old (4.1 % against 0.4 %)': ['after', 'ratio', 'rates'],
  'The old release starts anew, to be compared with the new one while both are cold: 1 of 2 hosts are ready': ['hosts_ready'],
  '2 hosts of the old release start it anew (host-4, host-7): the new one is cold, and is compared with what is as cold': ['hosts'],
  '1 host could not start the old release anew, and is compared once the rest has settled: host-4 (it did not answer)': ['hosts'],
  'Waits for rollout #41 to end': [],
  'Back to release #36, by ana: the phones ring.': [],
};

test('the numbers in the server’s sentences are known by what they mean', () => {
  for (const [sentence, want] of Object.entries(sentences)) {
    const pieces = tell(sentence);
    assert.equal(pieces.map((p) => p.text).join(''), sentence);
    assert.deepEqual(pieces.filter((p) => p.means).map((p) => p.means), want, sentence);
    const rest = pieces.filter((p) => !p.means).map((p) => p.text.replaceAll(/#\d+|host-\d+/g, '')).join('|');
    assert.doesNotMatch(rest, /\d/, sentence);
  }
});

test('brackets and stops stay on the line of the number that they touch', () => {
  const lines = (sentence) => runs(sentence).map((run) => run.map((p) => p.text).join('')).filter((text) => text.trim() !== '');
  assert.deepEqual(lines('errors: 0.99 times the old release\'s (235 against 237 expected); a doubling is ruled out (95 % sure).'), [
    'errors:', '0.99 times', " the old release's ", '(235 against 237 expected);', ' a doubling is ruled out ', '(95 % sure).',
  ]);
  for (const sentence of Object.keys(sentences)) {
    assert.equal(runs(sentence).flat().map((p) => p.text).join(''), sentence);
    runs(sentence).forEach((run, i, all) => assert.ok(i === 0 || /\s$/.test(all[i - 1].at(-1).text) || /^\s/.test(run[0].text), `“${sentence}” can break before “${run[0].text}”`));
  }
});

test('a value without a neighbour is found, since no line is drawn to it', () => {
  for (const [values, want] of [[[null, 1, null, 2, 3, null, 0], [1, 6]], [[4], [0]], [[1, 2], []], [[null, undefined], []], [[], []]]) assert.deepEqual(lone(values), want);
});

test('what was decided by the last second is marked at it, and what came later is not', () => {
  const at = (second) => ({ second, text: 'going back', kind: 'returning' });
  assert.deepEqual(placed([at(3), at(10), at(11), at(15), at(16)], [3, 4, 10]).map((m) => m.second), [3, 10, 10, 10]);
  assert.deepEqual(placed([at(3)], []), []);
});

test('definitions are short, whole sentences, and each stands once', () => {
  const all = Object.values(meanings);
  assert.equal(new Set(all).size, all.length);
  for (const [name, text] of Object.entries(meanings)) {
    assert.match(text, /^[A-Z\d].*\.$/, name);
    assert.ok(text.length <= 260, `${name} is ${text.length} characters long`);
  }
});

// in a zone that changes its clock.
function berlin(run) {
  const before = process.env.TZ;
  process.env.TZ = 'Europe/Berlin';
  try {
    run();
  } finally {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  }
}

test('a trend begins with a whole interval of the reader, also where the clock leaps', () => berlin(() => {
  const { buckets, intervalOf, rangeOf, whole } = questions;
  const now = Date.parse('2026-11-04T10:20:00Z');
  const week = rangeOf('7d', '', '', now);
  assert.equal(intervalOf('', week), 'day');
  assert.equal(intervalOf('hour', week), 'hour');
  assert.equal(intervalOf('minute', week), 'day', 'more than a picture can show');
  assert.equal(new Date(whole(week, 'day').from).toISOString(), '2026-10-27T23:00:00.000Z', 'midnight in Berlin');
  assert.deepEqual(buckets(whole(week, 'day'), 'day').map((s) => new Date(s * 1000).toISOString().slice(5, 16)), ['10-28T00:00', '10-29T00:00', '10-30T00:00', '10-31T00:00', '11-01T00:00', '11-02T00:00', '11-03T00:00', '11-04T00:00']);
  assert.equal(new Date(whole(week, 'week').from).toISOString(), '2026-10-25T23:00:00.000Z', 'Monday');
  const spring = { from: Date.parse('2026-03-29T00:00:00Z'), to: Date.parse('2026-03-29T03:00:00Z') };
  assert.deepEqual(buckets(spring, 'hour').map((s) => new Date(s * 1000).getUTCHours()), [1, 3, 4], 'the hour from 2 to 3 was none');
  assert.equal(rangeOf('', '2026-11-04T10:00', '2026-11-04T09:00', now), undefined);
  assert.deepEqual(rangeOf('', '2026-11-04T09:00', '2026-11-04T10:00', now), { from: Date.parse('2026-11-04T08:00:00Z'), to: Date.parse('2026-11-04T09:00:00Z') });
}));

// As slipway events funnel has them: internal/cli/events/funnel_test.go.
test('a median has the same words as in a terminal, also under a second', () => {
  for (const [seconds, want] of [[0, '< 0.1 s'], [0.04, '< 0.1 s'], [0.2, '0.2 s'], [0.94, '0.9 s'], [5, '5 s'], [59.4, '59 s'], [60, '1 min'], [210, '3.5 min'], [1320, '22 min'], [3600, '1 h'], [172_800, '2 days']]) assert.equal(figures.span(seconds), want);
});

test('what was not counted is 0, what was not measured is nothing, and the others come last', () => {
  const columns = ['bucket', 'split', 'value'].map((name) => ({ name, type: '' }));
  const rows = [['2026-11-01T00:00:00+01:00', 'a', 2], ['2026-11-01T00:00:00-03:30', '(others)', 90], ['2026-11-03T00:00:00Z', 'b', 5]]; // each says what a clock shows
  const days = [1, 2, 3].map((d) => Date.UTC(2026, 10, d) / 1000);
  assert.deepEqual(questions.trendOf({ columns, rows }, days, true, 'events').parts.map((p) => [p.label, ...p.values]), [['b', 0, 0, 5], ['a', 2, 0, 0], ['(others)', 90, 0, 0]]);
  assert.deepEqual(questions.trendOf({ columns, rows }, days, false, 'p90').parts[0].values, [null, null, 5]);
  assert.deepEqual(questions.trendOf({ columns: [columns[0], columns[2]], rows: [] }, days, true, 'events').parts, [{ label: 'events', values: [0, 0, 0], total: 0 }]);
});

test('a selection comes back from an address as it went, in words too', () => {
  const { complete, literal, readSelection, say, writeSelection } = questions;
  for (const s of [{}, { event: 'paid' }, { event: '{odd' }, { kind: 'page' }, { event: 'paid', where: [{ property: 'plan', is: 'equal', value: 'a b' }, { property: 'x', is: 'set' }] }]) assert.deepEqual(readSelection(writeSelection(s)), s);
  assert.deepEqual(readSelection('{broken'), {});
  assert.equal(say({ event: 'paid', where: [{ property: 'price', is: 'more', value: '10' }, { property: 'note', is: 'not_set' }] }), 'paid where price is more than 10 and note is not set');
  assert.equal(complete({ property: 'price', is: 'more', value: 'ten' }), false);
  assert.equal(complete({ property: 'price', is: 'set' }), true);
  assert.equal(literal("it's"), "'it''s'");
});

test('an answer is drawn where it is of numbers over time, and only there', () => {
  const picture = (names, rows) => figures.pictureOf({ columns: names.map((name) => ({ name, type: '' })), rows });
  const [one, two] = ['2026-11-01T00:00:00Z', '2026-11-02T00:00:00Z'];
  assert.deepEqual(picture(['day', 'n', 'm'], [[two, 2, 3], [one, 1, null]]).parts, [{ label: 'n', values: [1, 2] }, { label: 'm', values: [null, 3] }]);
  assert.deepEqual(picture(['day', 'plan', 'n'], [[one, 'a', 1], [one, 'b', 2], [two, null, 3]]).parts.map((p) => p.label), ['a', 'b', 'NULL']);
  assert.equal(picture(['day', 'n'], [[one, 1], [one, 2]]), undefined);
  assert.equal(picture(['day', 'n'], [[one, 1]]), undefined);
  assert.equal(picture(['name', 'n'], [['a', 1], ['b', 2]]), undefined);
  assert.equal(figures.cell('2026-11-01T10:00:00.5Z'), '2026-11-01 10:00:00.5');
  assert.equal(figures.cell(null), 'NULL');
  for (const [n, want] of [[0, '0'], [1234.567, '1,234.57'], [0.01234, '0.0123'], [null, '–']]) assert.equal(figures.figure(n), want);
});

test('a text that could be taken for something else is quoted', () => {
  for (const [value, want] of [['12', '"12"'], [12, '12'], ['-1.5e3', '"-1.5e3"'], ['true', '"true"'], [true, 'true'], ['null', '"null"'], [null, 'null'], ['', '""'], [' a', '" a"'], ['{"a":1}', '"{\\"a\\":1}"'], [{ a: 1 }, '{"a":1}'], ['12 rue', '12 rue'], ['pro', 'pro'], [undefined, '']]) assert.equal(figures.given(value), want);
});

test('what the app sends is before what its client adds', () => {
  assert.deepEqual(questions.ownFirst(['$lib', 'b', '$os', 'a'], (name) => name), ['b', 'a', '$lib', '$os']);
  const seen = came('signed up', 9, ['$browser', 'string', 9], ['plan', 'string', 4]);
  assert.deepEqual(plans.propertiesOf({ key: '', kind: 'track', name: 'signed up', seen, faults: 0 }).map((p) => p.name), ['plan', '$browser']);
});

test('decisions that differ by their numbers alone are one, with the newest numbers', () => {
  const waits = (at, missing, more = {}) => ({ at, from: 'watching', to: 'watching', step: 0, actor: 'system:rollout', verdict: 'unknown', reasons: [{ code: 'missing', text: `errors: ${missing} in 12 h 05 min` }, { code: 'unknown_wait', text: 'wait on' }], ...more });
  const newest = [waits(9, 'about 900 more'), waits(8, 'about 12 thousand more'), waits(7, '< 0.1 % more'), waits(6, 'about 3 fewer'), waits(5, 'about 4 fewer', { step: 1 }), waits(4, 'about 4 fewer', { actor: 'person:ana', step: 1 })];
  assert.deepEqual(decisions.fold(newest).map((f) => [f.newest.at, f.times, f.first.at]), [[9, 2, 8], [7, 1, 7], [6, 1, 6], [5, 1, 5], [4, 1, 4]]);
  assert.deepEqual(decisions.fold([]), []);
});

test('hours on an axis say their day only where there are several', () => {
  const { bucketName, bucketTick, lasting } = figures;
  const at = Date.UTC(2026, 10, 24, 14) / 1000;
  assert.deepEqual([bucketTick(at, 'hour'), bucketTick(at, 'hour', true), bucketTick(at - 14 * 3600, 'hour'), bucketTick(at, 'day'), bucketTick(at, 'month')], ['14:00', '24 Nov 14:00', '24 Nov', '24 Nov', 'Nov 2026']);
  assert.deepEqual([bucketName(at, 'hour'), bucketName(at, 'week'), bucketName(at, 'month')], ['2026-11-24 14:00', '2026-11-24', '2026-11']);
  assert.deepEqual([lasting([at, at + 86_400]), lasting([at, at + 3 * 86_400])], [false, true]);
});

test('steps of a funnel are two to ten, whatever an address says', () => {
  const { readSteps } = questions;
  assert.deepEqual(readSteps(''), [{}, {}]);
  assert.deepEqual(readSteps('[{"event":"a"},null,7]'), [{ event: 'a' }, {}]);
  assert.deepEqual(readSteps('{"event":"a"}'), [{}, {}]);
  assert.equal(readSteps(JSON.stringify(Array.from({ length: 12 }, () => ({ event: 'a' })))).length, 10);
});

test('cohorts have a cell an interval since they came, 0 where nobody did', () => {
  const weeks = [2, 9, 16, 23].map((d) => Date.UTC(2026, 10, d) / 1000);
  const at = (i) => new Date(weeks[i] * 1000).toISOString().replace('.000Z', '+09:00');
  const rows = [[at(1), 10, at(1), 10], [at(1), 10, at(3), 4], [at(3), 2, at(3), 2]];
  assert.deepEqual(cohorts.cohortsOf({ rows }, weeks), [{ second: weeks[1], size: 10, back: [10, 0, 4] }, { second: weeks[2], size: 0, back: [0, 0] }, { second: weeks[3], size: 2, back: [2] }]);
  assert.deepEqual(cohorts.cohortsOf({ rows: [] }, weeks), []);
});

const shop = {
  mode: 'warn', additional_events: false,
  events: [
    { kind: 'track', name: 'order placed', schema: { type: 'object', properties: { price: { type: 'integer' }, plan: { type: 'string' }, voucher: {} }, required: ['price', 'plan', 'total'], additionalProperties: false } },
    { kind: 'track', name: 'refunded', schema: true },
  ],
};
const came = (name, count, ...properties) => ({ kind: 'track', name, count, first: '2026-11-01T00:00:00Z', last: '2026-11-29T00:00:00Z', planned: false, properties: properties.map(([n, type, k]) => ({ name: n, type, count: k, first: '', last: '', planned: false })) });

test('what was seen and what is planned stand side by side', () => {
  const seen = [came('signed up', 9), came('order placed', 100, ['price', 'number', 100], ['plan', 'string', 60], ['plan', 'null', 10], ['items', 'number', 100]), { ...came('', 3), kind: 'identify' }];
  const rows = plans.rowsOf(shop, seen, [{ kind: 'track', name: 'order placed', count: 4 }, { kind: 'track', name: 'order placed', count: 3 }, { kind: 'track', name: 'unheard', count: 1 }]);
  assert.deepEqual(rows.map((r) => [r.key, r.faults, plans.standingOf(r, shop)]), [['track order placed', 7, 'faults'], ['track signed up', 0, 'against'], ['identify ', 0, 'unplanned'], ['track refunded', 0, 'unseen']]);
  assert.deepEqual(['observe', 'reject'].map((mode) => plans.standingOf(rows[1], { ...shop, mode })), ['unplanned', 'against']);
  assert.equal(plans.standingOf(rows[1], { ...shop, additional_events: true }), 'unplanned');
  assert.equal(plans.standingOf({ ...rows[0], faults: 0 }, shop), 'planned');
  assert.deepEqual(rows.map((r) => plans.titleOf(r)), ['order placed', 'signed up', 'identify', 'refunded']);
  assert.equal(plans.titleOf({ kind: 'page', name: '' }), 'page without a name');
  assert.deepEqual(
    plans.propertiesOf(rows[0]).map((p) => [p.name, p.types.map((t) => t.type).join(), p.count, p.plan, p.standing]),
    [['items', 'number', 100, 'not allowed', 'differs'], ['price', 'number', 100, 'integer, required', 'planned'], ['plan', 'string,null', 70, 'string, required', 'differs'], ['total', '', 0, 'anything, required', 'unseen'], ['voucher', '', 0, 'anything', 'unseen']],
  );
});

test('a schema of what was learnt has the types that came, and takes its place in the plan', () => {
  const seen = came('order placed', 10, ['price', 'number', 10], ['plan', 'string', 6], ['plan', 'null', 1], ['(more)', 'string', 3]);
  assert.deepEqual(plans.schemaOf(seen), { type: 'object', properties: { price: { type: 'number' }, plan: { type: ['string', 'null'] } } });
  assert.deepEqual(plans.planned(shop, { kind: 'track', name: 'order placed' }, true).map((e) => [e.name, e.schema === true]), [['order placed', true], ['refunded', true]]);
  assert.deepEqual(plans.planned(shop, { kind: 'identify', name: '' }, false).at(-1), { kind: 'identify', schema: false });
  assert.deepEqual(plans.planned(shop, { name: 'refunded' }).map((e) => e.name), ['order placed']);
});

test('volumes are by day, and nothing where nothing came', () => {
  const now = Date.parse('2026-11-29T10:00:00Z');
  assert.match(plans.volumeQuestion(now), /time >= TIMESTAMP '2026-11-16 00:00:00\.000' /);
  const volumes = plans.volumesOf({ rows: [['track', 'a', '2026-11-29T00:00:00Z', 4], ['track', 'a', '2026-11-16T00:00:00Z', 2], ['track', 'a', '2026-11-15T00:00:00Z', 9], ['identify', '', '2026-11-28T00:00:00Z', 1]] }, now);
  assert.deepEqual(volumes.get('track a'), [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4]);
  assert.deepEqual(volumes.get('identify ').slice(-2), [1, 0]);
  const [taken, rejected] = plans.exampleQuestions({ last: '2026-11-29T10:00:00Z', path: '/price', fault: "is o'clock", example: "it's" });
  assert.match(taken, /received >= TIMESTAMP '2026-11-29 09:59:59\.000' .* message_id = 'it''s'/);
  assert.match(rejected, /message = '\/price: is o''clock'/);
});
