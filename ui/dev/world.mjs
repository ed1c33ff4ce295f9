import { makeEvents } from './events.mjs';
import { random } from './random.mjs';
import { makeVerdicts } from './verdicts.mjs';

// A made-up Slipway. Times are relative to the moment it starts; the running rollout goes on from there.
const sha = (seed) => {
  const r = random(seed);
  return Array.from({ length: 40 }, () => '0123456789abcdef'[Math.floor(r() * 16)]).join('');
};

const authors = [
  ['Ana Silva', 'ana@shop.example'],
  ['Bo Lindqvist', 'bo@shop.example'],
  ['Chen Wei', 'chen@shop.example'],
  ['Dara Okafor', 'dara@shop.example'],
];

const subjects = [
  'Show prices with tax',
  'Cache the catalog by category',
  'Round the basket total once, at the end',
  'Retry the payment provider on a timeout',
  'Weather banner: use the local station',
  'Drop the unused session column',
  'Order mails name the delivery day',
  'Faster product search for short words',
  'Say why a voucher was refused',
  'Keep the basket when a session ends',
  'Payment: pass the order number as reference',
  'Fix a typo on the start page',
];

export function makeWorld({ empty = false, start = Date.now() } = {}) {
  const iso = (secondsAgo) => new Date(start - secondsAgo * 1000).toISOString();
  const commit = (i, secondsAgo) => ({
    sha: sha(i + 100),
    author: authors[i % 4][0],
    email: authors[i % 4][1],
    subject: subjects[i % subjects.length],
    time: iso(secondsAgo + 60),
  });
  const lite = (number, c) => ({ id: `rel_01kc${String(number).padStart(4, '0')}`, number, commit: c.sha, subject: c.subject, author: c.author, why: 'push', config: 7 });

  const world = { empty, start, iso, position: 4210, freeze: null, person: { id: 'per_1', name: 'ana', email: 'ana@shop.example' } };
  world.commits = Array.from({ length: 14 }, (_, i) => commit(i, 300 + (13 - i) * 1900));
  world.lite = lite;
  world.hosts = Array.from({ length: 10 }, (_, i) => ({ id: `agt_h${i + 1}`, name: `host-${i + 1}` }));
  world.builds = makeBuilds(world);
  world.rollouts = makeRollouts(world);
  world.verdicts = makeVerdicts(world);
  world.agents = makeAgents(world);
  world.sources = [
    { id: 'src_1', app: 'shop', environment: 'production', name: 'web', write_key: 'wk_6geVPTgejRPLDGyjLDbb1HkqavE5htER', stopped: false, limit: 2000, created_at: iso(900_000), created_by: 'person:ana' },
    { id: 'src_2', app: 'shop', environment: 'production', name: 'order service', write_key: 'wk_Qn4Zt8Lr1xVb7Ks0mJd2Wy5Pf9Hc3Gae', stopped: true, created_at: iso(300_000), created_by: 'person:bo' },
  ];
  world.events = makeEvents(world);
  world.audit = makeAudit(world);
  world.config = makeConfig(world);
  return world;
}

const packages = ['cart', 'catalog', 'order', 'payment', 'price', 'session', 'weather', 'web', 'search', 'mail', 'voucher', 'tax', 'stock', 'address', 'image', 'i18n'];

// units shares made-up durations over workers the way the pull queue does: longest first, the next free worker takes the next lease.
function units(world, { build, workers, secondsAgo, until = Infinity, failing = [], count = 48 }) {
  const r = random(build.number);
  const all = Array.from({ length: count }, (_, i) => ({
    suite: i % 9 === 8 ? 'browser' : 'go',
    unit: i === 0 ? 'github.com/shopworks/storefront/internal/checkout/payment/providers/banktransfer' : i % 9 === 8 ? `journeys/${packages[i % 16]}_${i}.spec` : `shop.example/${packages[i % 16]}${i >= 16 ? '/v' + Math.floor(i / 16) : ''}`,
    expected_ms: Math.round(400 + 9000 * r() ** 3),
  })).sort((a, b) => b.expected_ms - a.expected_ms);
  const free = workers.map(() => 1.4);
  const leases = [{ id: `lse_${build.number}_l`, kind: 'list', suite: 'go', worker: workers[0], agent: 'agt_w1', state: 'done', units: 0, granted_at: world.iso(secondsAgo), started_at: world.iso(secondsAgo - 0.1), ended_at: world.iso(secondsAgo - 1.3), setup_ms: 300, ran_ms: 900, exit: 0, reason: '', upload_ms: 12, log_size: 1200 }];
  const out = [];
  for (let at = 0, n = 0; at < all.length; n++) {
    const size = Math.max(1, Math.ceil((all.length - at) / (6 * workers.length)));
    const w = free.indexOf(Math.min(...free));
    const begin = free[w] + 0.05;
    const mine = all.slice(at, at + size);
    at += size;
    const id = `lse_${build.number}_${n}`;
    let t = begin + 0.25;
    for (const u of mine) {
      const took = u.expected_ms * (0.85 + 0.3 * r());
      const state = t > until ? 'waiting' : t + took / 1000 > until ? 'running' : failing.includes(u.unit) ? 'failed' : r() < 0.02 ? 'skipped' : 'passed';
      out.push({
        ...u,
        status: state,
        duration_ms: state === 'waiting' || state === 'running' ? 0 : Math.round(took),
        worker: state === 'waiting' ? '' : workers[w],
        lease: state === 'waiting' ? '' : id,
        started_at: state === 'waiting' ? undefined : world.iso(secondsAgo - t),
        attempts: 1,
        output: state === 'failed' ? failure : '',
        failed_tests: state === 'failed' ? ['TestTotalRoundsOnce', 'TestTotalRoundsOnce/three_items'] : [],
      });
      t += took / 1000;
    }
    free[w] = t;
    if (begin < until) {
      const running = t > until;
      leases.push({ id, kind: 'test', suite: mine[0].suite, worker: workers[w], agent: `agt_w${w + 1}`, state: running ? 'running' : 'done', units: mine.length, granted_at: world.iso(secondsAgo - begin), started_at: world.iso(secondsAgo - begin), ended_at: running ? undefined : world.iso(secondsAgo - t), setup_ms: 250, ran_ms: Math.round((t - begin) * 1000), exit: 0, reason: '', upload_ms: 12, log_size: 40_000 });
    }
  }
  return { units: out, leases, end: Math.max(...free), bound: Math.max(Math.max(...all.map((u) => u.expected_ms)) / 1000, all.reduce((s, u) => s + u.expected_ms, 0) / 1000 / workers.length) };
}

const failure = `--- FAIL: TestTotalRoundsOnce (0.01s)
    --- FAIL: TestTotalRoundsOnce/three_items (0.00s)
        total_test.go:41: total of 3 x 3.335 = 10.02, want 10.01
            the basket rounds each line before it adds them up
    --- FAIL: TestTotalRoundsOnce/voucher (0.00s)
        total_test.go:58: total after the voucher = -0.01, want 0.00
FAIL
FAIL	shop.example/price	0.214s
`;

const workers = ['worker-1', 'worker-2', 'worker-3', 'worker-4'];

function makeBuilds(world) {
  const base = (number, i, secondsAgo, state, more = {}) => ({
    id: `bld_01kc${String(number).padStart(4, '0')}`, number, app: 'shop', environment: 'production', branch: 'main', state,
    head: world.commits[i], commits: [world.commits[i]], queued_at: world.iso(secondsAgo + 1), started_at: world.iso(secondsAgo), ended_at: world.iso(secondsAgo - 21),
    waiting: '', estimate_s: 0, total: 48, done: 48, failed: 0, reasons: [], artifact: sha(number), size: 18_400_000,
    hotfix: undefined, suspects: [], bound_s: 0, makespan_s: 0, ...more,
  });
  const list = [];
  list.push(base(45, 13, 4, 'queued', { started_at: undefined, ended_at: undefined, waiting: 'Its commit waits for the four workers, which test build #44; about 12 s to go.', total: 0, done: 0, artifact: '' }));
  const running = base(44, 12, 9, 'testing', { commits: [world.commits[12], world.commits[11]], ended_at: undefined, artifact: '', estimate_s: 12 });
  const u44 = units(world, { build: running, workers, secondsAgo: 9, until: 9 });
  Object.assign(running, { units: u44.units, leases: u44.leases, done: u44.units.filter((u) => u.status === 'passed' || u.status === 'skipped').length, bound_s: u44.bound, makespan_s: 0 });
  list.push(running);
  for (let n = 43; n >= 34; n--) {
    const i = n - 33 + 1;
    const red = n === 42;
    const b = base(n, Math.min(i, 11), 400 + (43 - n) * 1900, red ? 'failed' : n === 37 ? 'cancelled' : 'passed');
    const u = units(world, { build: b, workers, secondsAgo: 400 + (43 - n) * 1900, failing: red ? ['shop.example/price', 'shop.example/voucher/v2'] : [] });
    Object.assign(b, { units: u.units, leases: u.leases, bound_s: u.bound, makespan_s: u.end - 1.4, ended_at: world.iso(400 + (43 - n) * 1900 - u.end - 1) });
    if (red) {
      Object.assign(b, { failed: 2, artifact: '', suspects: [world.commits[9], world.commits[8]], commits: [world.commits[8], world.commits[9]], reasons: [{ code: 'units_failed', text: '2 of 48 units failed on their first try and again on another worker.', numbers: { failed: 2, total: 48 } }] });
    } else if (b.state === 'passed') {
      const end = 400 + (43 - n) * 1900 - u.end;
      u.leases.push({ id: `lse_${n}_p`, kind: 'package', suite: '', worker: workers[1], agent: 'agt_w2', state: 'done', units: 0, granted_at: world.iso(end), started_at: world.iso(end), ended_at: world.iso(end - 2.2), setup_ms: 0, ran_ms: 2200, exit: 0, reason: '', upload_ms: 12, log_size: 900 });
    } else {
      Object.assign(b, { artifact: '', reasons: [{ code: 'cancelled', text: 'Cancelled by ana: “wrong branch”.' }] });
    }
    list.push(b);
  }
  return list;
}

function steps(states, times) {
  const shape = [
    { share: 0.1, watch_s: 60, hold_back: 0, detect_s: 97 },
    { share: 1, watch_s: 300, hold_back: 0.05, detect_s: 131 },
  ];
  return shape.map((s, i) => ({ ...s, state: states[i], started_at: times[i]?.[0], settled_at: times[i]?.[1], ended_at: times[i]?.[2] }));
}

function makeRollouts(world) {
  const iso = world.iso;
  const base = (number, i, secondsAgo, more) => ({
    id: `rol_01kc${String(number).padStart(4, '0')}`, number, app: 'shop', environment: 'production', release: world.lite(number + 2, world.commits[i]), from: world.lite(number + 1, world.commits[i - 1]),
    mode: 'visitors', state: 'promoted', step: 1, steps: steps(['done', 'done'], [[iso(secondsAgo), iso(secondsAgo - 5), iso(secondsAgo - 65)], [iso(secondsAgo - 65), iso(secondsAgo - 66), iso(secondsAgo - 366)]]), share: 1, verdict: 'healthy',
    sentence: 'Promoted: errors were 0.9 times the old over 41,200 requests, and a doubling is excluded.', reasons: [{ code: 'healthy', text: 'Errors 0.9 × the old; 0.6 to 1.4 is what the data allow, so a doubling is excluded.', numbers: { ratio: 0.9, low: 0.6, high: 1.4 } }],
    missing: '', vitals: [], alpha: 0.001, rule_out: 2, alpha_text: 'at most 0.1 % of good releases come back: 1 false alarm a month over 1000 rollouts', unknown: 'promote', settle_s: 5, progress: 1, eta_s: 0, requests_new: 41_200 + number * 13, requests_old: 22_310, errors_new: 150, errors_old: 91,
    hosts: world.hosts.map((h) => ({ ...h, state: 'ready', canary: false, requests: 0, old: 'stopped', new: 'up', left_out: false, text: '' })), paths: [], decisions: decisionsGood(iso, secondsAgo), actions: [], commits: [world.commits[i]], created_at: iso(secondsAgo + 5), started_at: iso(secondsAgo), ended_at: iso(secondsAgo - 367), outcome: 'promoted', hotfix: undefined, ...more,
  });
  const running = base(41, 10, 46, {
    state: 'watching', step: 0, share: 0.1, verdict: 'unknown', outcome: undefined, ended_at: undefined, reasons: [], progress: 0.12, eta_s: 340,
    steps: steps(['watching', 'waiting'], [[iso(46), iso(38)]]),
    hosts: world.hosts.map((h, i) => ({ ...h, state: 'ready', canary: false, requests: 0, old: 'up', new: i === 9 ? '' : 'up', left_out: i === 9, text: i === 9 ? 'it joined during the rollout' : '' })),
    actions: ['pause', 'promote', 'rollback'],
    decisions: [
      { at: iso(51), from: 'queued', to: 'staging', step: 0, actor: 'system:rollout', verdict: '', reasons: [{ code: 'its_turn', text: 'Release #43 is next; nothing else is going out.' }] },
      { at: iso(46), from: 'staging', to: 'shifting', step: 0, actor: 'system:rollout', verdict: '', reasons: [{ code: 'staged', text: '9 of 9 hosts have it up and healthy after 4.8 s.' }] },
      { at: iso(43), from: 'shifting', to: 'settling', step: 0, actor: 'system:rollout', verdict: '', reasons: [{ code: 'shifted', text: 'The edge sends 10 % of visitors to it.' }] },
      { at: iso(38), from: 'settling', to: 'watching', step: 0, actor: 'system:rollout', verdict: '', reasons: [{ code: 'settled', text: 'Each host has had its 5 s to warm up.' }] },
    ],
  });
  const bad = base(39, 8, 5400, {
    state: 'rolled_back', outcome: 'rolled_back', verdict: 'regressed', step: 0, share: 0, requests_new: 1480, requests_old: 13_300, errors_new: 61, errors_old: 52,
    sentence: 'Rolled back after 31 s: errors were 10.5 times the old (4.1 % against 0.4 %), mostly on /checkout.',
    steps: steps(['stopped', 'waiting'], [[iso(5400), iso(5393), iso(5369)]]), ended_at: iso(5368), progress: 1,
    reasons: [
      { code: 'errors_regressed', text: 'Errors: 61 of 1,480 requests failed on the new release, 52 of 13,300 on the old: 10.5 times as often (4.6 to 24).', numbers: { ratio: 10.5, low: 4.6, high: 24, log10_e: 5.1 } },
      { code: 'path', text: 'Most failed on /checkout: 48 of 212 requests.', numbers: { events: 48, at_risk: 212 } },
    ],
    path: '/checkout',
    // The busiest route has the most errors, as it always had; what the release broke is another one.
    paths: [
      { path: '/checkout', new_requests: 212, new_errors: 48, old_requests: 1890, old_errors: 9, excess_errors: 47, stands_out: true },
      { path: '/api/basket', new_requests: 391, new_errors: 4, old_requests: 3510, old_errors: 20, excess_errors: 1.8, stands_out: false },
      { path: '/search', new_requests: 6040, new_errors: 60, old_requests: 54_000, old_errors: 561, excess_errors: -2.7, stands_out: false },
    ],
    hosts: world.hosts.map((h, i) => ({ ...h, state: 'ready', canary: false, requests: 0, old: 'up', new: i === 3 ? 'crashed' : 'stopped', left_out: false, text: i === 3 ? 'exit status 2 after 24 s' : '' })),
    decisions: [
      { at: iso(5405), from: 'queued', to: 'staging', step: 0, actor: 'system:rollout', verdict: '', reasons: [{ code: 'its_turn', text: 'Release #41 is next; nothing else is going out.' }] },
      { at: iso(5400), from: 'staging', to: 'shifting', step: 0, actor: 'system:rollout', verdict: '', reasons: [{ code: 'staged', text: '10 of 10 hosts have it up and healthy after 5.1 s.' }] },
      { at: iso(5393), from: 'settling', to: 'watching', step: 0, actor: 'system:rollout', verdict: '', reasons: [{ code: 'settled', text: 'Each host has had its 5 s to warm up.' }] },
      { at: iso(5369), from: 'watching', to: 'returning', step: 0, actor: 'system:rollout', verdict: 'regressed', reasons: [{ code: 'errors_regressed', text: 'The evidence reached 125,000, over the 4,000 it takes.' }] },
      { at: iso(5368), from: 'returning', to: 'rolled_back', step: 0, actor: 'system:rollout', verdict: 'regressed', reasons: [{ code: 'returned', text: 'Every edge sends everyone to the old release, 0.3 s after the decision.' }] },
    ],
  });
  const held = base(36, 5, 26_000, {
    state: 'held', outcome: undefined, verdict: 'unknown', step: 0, share: 0.1, ended_at: undefined, requests_new: 220, requests_old: 2010, errors_new: 1, errors_old: 9, environment: 'staging', progress: 0.3, eta_s: 0,
    sentence: 'Held: too few requests to tell. 4,000 more would rule out a doubling of errors.', missing: '4,000 more requests to rule out a doubling', actions: ['resume', 'promote', 'rollback'],
    decisions: [
      { at: iso(25_995), from: 'settling', to: 'watching', step: 0, actor: 'system:rollout', verdict: '', reasons: [{ code: 'settled', text: 'Each host has had its 5 s to warm up.' }] },
      ...[40, 110, 950, 1400, 2600].map((seen, i) => ({
        at: iso(25_900 - 300 * i), from: 'watching', to: 'watching', step: 0, actor: 'system:rollout', verdict: 'unknown',
        reasons: [{ code: 'missing', text: `errors: ${i} on the new release in ${seen.toLocaleString('en')} requests; about ${i < 3 ? `${12 - i} thousand` : 900 - i} more are needed to rule out a doubling` }, { code: 'unknown_wait', text: 'the watch is over and cannot tell; the policy says to wait on' }],
      })),
      { at: iso(24_000), from: 'watching', to: 'held', step: 0, actor: 'person:ana', verdict: 'unknown', reasons: [{ code: 'hold', text: 'By ana: “let us look at it”.' }] },
    ],
    reasons: [{ code: 'unknown', text: 'The watch is over and the data allow anything from 0.1 to 9 times the old errors.', numbers: { low: 0.1, high: 9 } }],
    steps: steps(['watching', 'waiting'], [[iso(26_000), iso(25_990)]]),
  });
  const queued = base(42, 11, 20, { state: 'queued', outcome: undefined, verdict: 'none', step: 0, share: 0, started_at: undefined, ended_at: undefined, requests_new: 0, progress: 0, steps: steps(['waiting', 'waiting'], []), waits_for: 'rollout', sentence: 'Waits for rollout #41 to end', vitals: [], hosts: [], decisions: [], reasons: [], actions: ['promote', 'rollback'] });
  const change = { by: 'person:bo', settings: ['TAX_COUNTRY'], secrets: ['PAYMENT_KEY'], removed: ['TAX_RATE'], reason: 'the new tax law' };
  const config = base(35, 4, 40_000, { commits: [] });
  Object.assign(config.release, { why: 'config', config: 6, change, subject: 'configuration 6: TAX_COUNTRY, secret PAYMENT_KEY, without TAX_RATE', author: 'bo', commit: config.from.commit });
  const backwards = base(34, 4, 60_000, {
    back: true, hotfix: { skip_watch: true, by: 'person:ana', reason: 'the phones ring' }, verdict: 'none', vitals: [], alpha: 0, step: 0, decisions: [], commits: [], requests_new: 0, requests_old: 0, errors_new: 0, errors_old: 0,
    steps: [{ share: 1, hold_back: 0, watch_s: 0, state: 'done', started_at: iso(60_000), settled_at: iso(59_995), ended_at: iso(59_995) }],
    sentence: 'Back to release #36, by ana: the phones ring', reasons: [{ code: 'by_going_back', text: 'back to release #36, by ana: the phones ring' }],
  });
  const list = [queued, running, base(40, 9, 3000, { since: { before: { requests: 381_240, errors: 3965 }, after: { requests: 379_002, errors: 3904 } } }), bad, base(38, 7, 9000, { hosts: Array.from({ length: 500 }, (_, i) => ({ id: `agt_f${i}`, name: `host-${String(i + 1).padStart(3, '0')}`, state: i === 77 ? 'lost' : 'ready', canary: false, requests: 0, old: i % 11 === 3 ? 'up' : 'stopped', new: i % 90 === 40 ? 'crashed' : 'up', left_out: false, text: '' })) }), base(37, 6, 15_000, {
    hotfix: { skip_watch: true, by: 'person:dara', reason: 'Payments are down without it' }, verdict: 'none', vitals: [], alpha: 0, step: 0, decisions: [], requests_new: 0, requests_old: 0, errors_new: 0, errors_old: 0,
    steps: [{ share: 1, hold_back: 0, watch_s: 0, state: 'done', started_at: iso(15_000), settled_at: iso(14_995), ended_at: iso(14_995) }],
    sentence: 'Promoted: this hotfix of dara skipped the watch: Payments are down without it', reasons: [{ code: 'watch_skipped', text: 'this hotfix of dara skipped the watch: Payments are down without it' }],
  }), held, config, backwards];
  for (const r of list) if (r.requests_new > 0 && r.verdict !== 'none') r.split = { intended: 0.1, share: 0.1004, wrong: false };
  for (const r of list) if (r.requests_new > 0) fillVitals(r, r.number === 39 ? 31 : r.number === 41 ? 46 : 120, { bad: r.number === 39, thin: r.number === 36 });
  return list;
}

const decisionsGood = (iso, s) => [
  { at: iso(s + 5), from: 'queued', to: 'staging', step: 0, actor: 'system:rollout', verdict: '', reasons: [{ code: 'its_turn', text: 'It is next; nothing else is going out.' }] },
  { at: iso(s - 65), from: 'watching', to: 'shifting', step: 1, actor: 'system:rollout', verdict: 'unknown', reasons: [{ code: 'watch_over', text: 'No sign of harm in 1 min: on to the next step.' }] },
  { at: iso(s - 367), from: 'promoting', to: 'promoted', step: 1, actor: 'system:rollout', verdict: 'healthy', reasons: [{ code: 'healthy', text: 'A doubling of errors is excluded (0.6 to 1.4 times the old).' }] },
];

const vitalNames = ['errors', 'latency_p50', 'latency_p90', 'latency_p99', 'order_completed'];
const labels = { errors: 'errors', latency_p50: 'requests slower than 10 ms', latency_p90: 'requests slower than 36 ms', latency_p99: 'requests slower than 108 ms', order_completed: 'order_completed per page' };
const usual = { errors: 0.004, latency_p50: 0.5, latency_p90: 0.1, latency_p99: 0.01, order_completed: 0.05 };

// Curves of one vital: counted seconds, a likelihood ratio that grows with them, and a band that narrows.
export function series(rollout, vital, seconds) {
  const shape = rollout.shape;
  const r = random(rollout.number * 7 + vitalNames.indexOf(vital));
  const p0 = usual[vital] ?? 0.01;
  const p1 = p0 * (shape.bad ? { errors: 10, latency_p50: 1.05, latency_p90: 2.2, latency_p99: 4, order_completed: 0.96 }[vital] : { errors: 0.92, latency_p50: 1, latency_p90: 1.03, latency_p99: 0.95, order_completed: 1.02 }[vital]);
  const start = Math.floor(Date.parse(rollout.steps[0].settled_at ?? rollout.created_at) / 1000);
  const out = { vital, seconds: [], new_rate: [], old_rate: [], log10_e: [], ratio: [], low: [], high: [], log10_threshold: 3.6, marks: [{ second: start, text: 'step 1', kind: 'watching' }], requests_new: [], requests_old: [], at_risk_new: [], at_risk_old: [] };
  let n1 = 0, n0 = 0, e1 = 0.5, e0 = 0.5, log = 0;
  for (let i = 0; i < seconds; i++) {
    const wave = 1 + 0.2 * Math.sin(i / 9);
    const a = r.poisson((shape.thin ? 2 : 48) * wave);
    const b = r.poisson((shape.thin ? 18 : 430) * wave);
    const x = Math.min(a, r.poisson(a * p1));
    const y = Math.min(b, r.poisson(b * p0));
    n1 += a; n0 += b; e1 += x; e0 += y;
    const q = p0 * 3;
    log = Math.max(-1.2, log + (x * Math.log10(q / p0) + (a - x) * Math.log10(Math.max(1e-3, (1 - Math.min(q, 0.9)) / (1 - p0)))) * (vital === 'errors' ? 0.45 : 0.12));
    const ratio = (e1 / Math.max(n1, 1)) / (e0 / Math.max(n0, 1));
    const w = 3.4 * Math.sqrt(1 / e1 + 1 / e0);
    out.seconds.push(start + i);
    out.new_rate.push(a > 0 ? x / a : null);
    out.old_rate.push(b > 0 ? y / b : null);
    out.at_risk_new.push(a);
    out.at_risk_old.push(b);
    out.log10_e.push(Number(log.toFixed(3)));
    out.ratio.push(Number(ratio.toFixed(3)));
    out.low.push(Number((ratio * Math.exp(-w)).toFixed(4)));
    out.high.push(Number((ratio * Math.exp(w)).toFixed(4)));
    out.requests_new.push(a);
    out.requests_old.push(b);
  }
  if (shape.bad) out.marks.push({ second: start + seconds - 1, text: 'going back', kind: 'returning' });
  Object.defineProperty(out, 'totals', { value: { n1, n0, e1: Math.round(e1), e0: Math.round(e0) }, enumerable: false });
  return out;
}

export function fillVitals(rollout, seconds, shape) {
  Object.defineProperty(rollout, 'shape', { value: shape, enumerable: false });
  Object.defineProperty(rollout, 'span', { value: seconds, writable: true, enumerable: false });
  refill(rollout, seconds);
}

export function refill(rollout, seconds) {
  rollout.span = seconds;
  rollout.vitals = vitalNames.map((name) => {
    const s = series(rollout, name, seconds);
    const { n1, n0, e1, e0 } = s.totals;
    const log10_e = s.log10_e.at(-1) ?? 0;
    const high = s.high.at(-1) ?? 1e9;
    const state = log10_e >= 3.6 ? 'regressed' : high < 2 ? 'healthy' : 'unknown';
    return {
      name, label: labels[name], rule_out: 2, missing_requests: state === 'unknown' ? 12_400 : 0, needed_s: state === 'unknown' ? 310 : 0, detect_s: state === 'unknown' ? 48 : 0, alarm_only: false, bad: name === 'order_completed' ? 'drop' : 'rise', of: name === 'order_completed' ? 'events' : 'requests', unit: 'share', state, log10_e, log10_threshold: 3.6, ratio: s.ratio.at(-1) ?? 1, ratio_low: s.low.at(-1) ?? 0, ratio_high: high, weight: 0.25,
      new: { events: e1, at_risk: n1, rate: e1 / Math.max(1, n1) }, old: { events: e0, at_risk: n0, rate: e0 / Math.max(1, n0) },
      text: name === 'errors' ? `${e1.toLocaleString('en')} of ${n1.toLocaleString('en')} requests failed on the new release, ${e0.toLocaleString('en')} of ${n0.toLocaleString('en')} on the old.` : '',
    };
  });
}

function makeAgents(world) {
  const r = random(5);
  const samples = () => Array.from({ length: 60 }, (_, i) => ({ time: world.iso((60 - i) * 5), cpu: Math.min(1, Math.max(0.02, 0.3 + 0.25 * Math.sin(i / 7 + r() * 2) + 0.15 * r())), load1: 0.8 + r(), mem_used: Math.round(4.1e8 + 6e7 * r()), mem_total: 8e9, disk_free: 60e9 }));
  const release = (n) => ({ app: 'shop', environment: 'production', release: `rel_01kc00${n}`, process: 'web', host: '', since: world.iso(60), process_state: 'up', addr: `127.0.0.1:3${n}12`, restarts: 0, text: '' });
  const one = (id, name, roles, more = {}) => ({ id, name, roles, state: 'up', addr: '10.0.3.' + (10 + id.length + Number(name.split('-')[1] ?? 1)), labels: { zone: 'a' }, cpus: 4, version: '0.1.0', joined_at: world.iso(86_400 * 9), last_seen: world.iso(2), sample: null, releases: [], lease: null, ...more });
  const list = [
    ...world.hosts.map((h, i) => one(h.id, h.name, ['host'], { releases: [release(42), ...(i < 9 ? [release(43)] : [])] })),
    ...workers.map((w, i) => one(`agt_w${i + 1}`, w, ['work'], { lease: i < 3 ? { app: 'shop', build: 'bld_01kc0044', kind: 'test', suite: 'go', units: 3 - (i % 2), since: world.iso(4 + i) } : null })),
    one('agt_e1', 'edge-1', ['edge']),
  ];
  Object.assign(list[6], { state: 'lost', last_seen: world.iso(340) });
  for (const a of list) {
    Object.defineProperty(a, 'samples', { value: samples(), enumerable: false });
    a.sample = a.samples.at(-1);
  }
  return list;
}

function makeAudit(world) {
  const rows = [
    [40, 'person:ana', 'rollout.pause', 'production', 'rol_01kc0041', 'looking at the checkout first'],
    [300, 'person:bo', 'git.push', 'production', 'main', ''],
    [5000, 'person:dara', 'rollout.promote', 'production', 'rol_01kc0037', 'Payments are down without it'],
    [7200, 'person:ana', 'config.change', 'production', 'version 7', 'new key of the payment provider'],
    [9000, 'person:ana', 'grant.set', '', 'chen', ''],
    [86_000, 'person:ana', 'token.create', '', 'laptop', ''],
    [90_000, 'person:ana', 'join_token.create', '', 'join_1', ''],
  ];
  return rows.map(([s, actor, action, environment, target, reason], i) => ({ id: i, at: world.iso(s), actor, action, app: environment ? 'shop' : '', environment, target, reason, detail: {} }));
}

function makeConfig(world) {
  return {
    version: 7,
    settings: { LOG_LEVEL: 'info', PAYMENT_URL: 'https://pay.example/v2', TAX_COUNTRY: 'DE' },
    secrets: [{ name: 'PAYMENT_KEY', version: 7, updated_at: world.iso(7200) }, { name: 'SESSION_SECRET', version: 1, updated_at: world.iso(800_000) }],
    history: [
      { version: 7, at: world.iso(7200), actor: 'person:ana', settings: [], secrets: ['PAYMENT_KEY'], removed: [], reason: 'new key of the payment provider' },
      { version: 6, at: world.iso(200_000), actor: 'person:bo', settings: ['TAX_COUNTRY'], secrets: [], removed: ['TAX_RATE'], reason: '' },
      { version: 5, at: world.iso(400_000), actor: 'person:ana', settings: ['LOG_LEVEL'], secrets: [], removed: [], reason: 'less noise' },
    ],
  };
}
