import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { answer, counts, dropped, failed, repaired, tail } from './events.mjs';
import { flags } from './flags.mjs';
import { limits } from './limits.mjs';
import { changePlan, checkPlan, faults, learned, planOf } from './plan.mjs';
import { privacy } from './privacy.mjs';
import { ramps } from './ramps.mjs';
import { saved } from './saved.mjs';
import { past, say, score, verdictOn } from './verdicts.mjs';
import { makeWorld, refill, series } from './world.mjs';

const docs = fileURLToPath(new URL('../../internal/door/api/docs', import.meta.url));
const dist = fileURLToPath(new URL('../dist', import.meta.url));
const kinds = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
// What the server itself sends.
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

// fixture starts a made-up server on a port of its own and returns how to reach and stop it.
export async function fixture({ port = 0, empty = false, role = 'admin' } = {}) {
  const world = makeWorld({ empty });
  world.role = role;
  const streams = new Set();
  let signedIn = true;
  let down = false;

  function send(type, data) {
    const event = { id: String(++world.position), type, version: 1, app: 'shop', environment: 'production', actor: 'system:rollout', time: new Date().toISOString(), position: world.position, data };
    for (const s of streams) s.write(`id: ${world.position}\nevent: ${type}\ndata: ${JSON.stringify(event)}\n\n`);
  }

  const running = world.rollouts.find((r) => r.state === 'watching');
  // Each second the running rollout is watched on; after a minute it goes to its next step, later it is promoted.
  const timer = setInterval(() => {
    if (!running || running.ended_at || running.state === 'paused') return;
    const age = Math.floor((Date.now() - Date.parse(running.steps[0].settled_at)) / 1000);
    refill(running, age);
    describe(running, age);
    for (const s of streams) s.write(`event: tick\ndata: ${JSON.stringify({ rollout: running.id, second: Math.floor(Date.now() / 1000) })}\n\n`);
    if (running.step === 0 && age >= 60) advance(running, send);
  }, 1000);
  if (running) describe(running, 38);

  const context = {
    world, send, role, running,
    session: () => signedIn,
    sign: (v) => (signedIn = v),
  };

  const server = createServer(async (req, res) => {
    try {
      if (down) return res.destroy();
      const url = new URL(req.url, 'http://x');
      if (url.pathname === '/v1/stream') return stream(req, res, streams);
      if (url.pathname === '/v1/apps/shop/events/tail') return tail(req, res, world);
      if (url.pathname.startsWith('/v1/')) return await api(req, res, url, context);
      await page(res, url.pathname);
    } catch (error) {
      res.writeHead(500).end(String(error));
    }
  });
  await new Promise((done) => server.listen(port, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    world,
    send,
    // streams is how many are open.
    streams: () => streams.size,
    // cut drops every connection and refuses new ones until it is healed.
    cut(value) {
      down = value;
      if (down) server.closeAllConnections();
    },
    close() {
      clearInterval(timer);
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    },
  };
}

function describe(r, age) {
  const e = r.vitals.find((v) => v.name === 'errors');
  const left = Math.max(0, r.steps[r.step].watch_s - (r.step === 0 ? age : age - 62));
  const who = Math.round(r.share * 100);
  r.sentence = r.state === 'paused' ? `Paused at ${who} % of visitors: errors ${e.ratio.toFixed(1)} times the old.` : `Watched at ${who} % of visitors: ${left} s to go, errors ${e.ratio.toFixed(1)} times the old.`;
  r.missing = e.ratio_high >= 2 ? '4,000 more requests to rule out a doubling of errors' : '';
  r.requests_new = e.new.at_risk;
  r.requests_old = e.old.at_risk;
  r.errors_new = e.new.events;
  r.errors_old = e.old.events;
  r.progress = Math.min(1, (r.step === 0 ? age : age - 2) / 360);
  r.eta_s = 360 - Math.min(359, age);
}

function advance(r, send) {
  const now = new Date().toISOString();
  Object.assign(r.steps[0], { state: 'done', ended_at: now });
  Object.assign(r.steps[1], { state: 'watching', started_at: now, settled_at: now });
  r.step = 1;
  r.share = 0.95;
  r.decisions.push({ at: now, from: 'watching', to: 'watching', step: 1, actor: 'system:rollout', verdict: 'unknown', reasons: [{ code: 'watch_over', text: 'No sign of harm in 1 min: on to 95 % of visitors.' }] });
  send('rollout.moved', { rollout: r.id, from: 'watching', to: 'watching', step: 1, share: 0.95, reasons: [] });
}

function stream(req, res, streams) {
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  res.write('retry: 500\n\n');
  streams.add(res);
  req.on('close', () => streams.delete(res));
}

// A description of an API with all that the page of the API draws: parameters, nested fields, long names and sentences.
const field = (type, description) => ({ type, description });
const described = {
  info: { title: 'Slipway', description: 'The API of the double.' },
  components: { schemas: { Vital: { type: 'object', required: ['name'], properties: { name: field('string', 'What is counted'), log10_threshold: field('number', 'Where the evidence is strong enough to act, however often one looks, as a power of ten') } } } },
  paths: Object.fromEntries(['rollouts', 'releases', 'builds', 'environments', 'people', 'tokens', 'agents', 'audit'].map((name) => [`/v1/apps/{app}/${name}/{a_rather_long_parameter}/commands`, {
    post: {
      tags: [name], operationId: name, summary: `Do something to the ${name} of an app, and give what came of it`,
      parameters: [{ name: 'idempotency-key', in: 'header', schema: { type: 'string' }, description: 'The same key does nothing twice, for a day, whoever repeats the request' }],
      requestBody: { content: { 'application/json': { schema: { type: 'object', properties: { reason: field('string', 'Why; audited'), vitals: { type: 'array', items: { $ref: '#/components/schemas/Vital' } } } } } } },
      responses: { 200: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Vital' } } } }, 409: {} },
    },
  }])),
};

async function page(res, path) {
  if (path === '/openapi.json') return res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(described));
  if (path === '/docs' || path.startsWith('/docs/')) {
    const file = path === '/docs' ? '/index.html' : path.slice('/docs'.length);
    return res.writeHead(200, { 'Content-Type': kinds[extname(file)] }).end(await readFile(join(docs, file)));
  }
  const file = /\.\w+$/.test(path) ? path : '/index.html';
  try {
    const body = await readFile(join(dist, file));
    res.writeHead(200, { 'Content-Type': kinds[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': policy }).end(body);
  } catch {
    res.writeHead(404).end('not found');
  }
}

// seen is a rollout as it is shown now: one that waits says what for.
function seen(world, r) {
  // Back from what is live, while nothing else is under way.
  if (r?.outcome === 'promoted' && env(world, r.environment).live.release === r.release.id && !env(world, r.environment).rollout) return { ...r, last_good: r.from };
  if (r?.state !== 'queued' || !world.freeze || r.environment !== 'production') return r;
  return { ...r, waits_for: 'freeze', sentence: `Waits, because production is frozen by ${world.freeze.by.replace('person:', '')}: ${world.freeze.reason}`, actions: r.actions.filter((a) => a !== 'promote') };
}

const problem = (res, status, detail, errors = []) => {
  res.writeHead(status, { 'Content-Type': 'application/problem+json' }).end(JSON.stringify({ type: 'https://slipway.dev/problems/invalid', title: 'Not done', status, detail, errors }));
};

async function body(req) {
  let text = '';
  for await (const chunk of req) text += chunk;
  return text === '' ? {} : JSON.parse(text);
}

const session = (c) => ({ person: c.world.person, admin: c.role === 'admin', grants: c.role === 'admin' ? [] : [{ app: 'shop', environment: '*', role: c.role }], version: '0.1.0', url: 'http://127.0.0.1:7070', edge_url: 'http://127.0.0.1:7080', demo: true });

// What a rollout can see at 212 requests a second; nothing where nobody came.
const power = (world) => ({
  requests_per_s: world.empty ? 0 : 212.4, error_rate: world.empty ? 0 : 0.0104, rule_out: 2, rollouts_a_month: 412, alpha: 0.0024, alpha_text: 'at most 0.243 % of good releases come back: 1 false alarm a month over 412 rollouts',
  false_alarms_a_month: 1,
  steps: [{ share: 0.1, watch_s: 60, detect_s: 97, exclude_s: 142 }, { share: 0.95, watch_s: 300, detect_s: 131, exclude_s: 118 }],
  choices: [{ false_alarms_a_month: 0.1, alpha: 0.00024, detect_s: 122, chosen: false }, { false_alarms_a_month: 1, alpha: 0.0024, detect_s: 97, chosen: true }, { false_alarms_a_month: 4, alpha: 0.0097, detect_s: 81, chosen: false }, { false_alarms_a_month: 30, alpha: 0.05, detect_s: 62, chosen: false }],
});

// Routes by pattern; the first that fits answers. A value is sent as JSON, undefined as nothing.
export const routes = [
  ['GET', /^session$/, (c) => session(c)],
  ['DELETE', /^session$/, (c) => void c.sign(false)],
  ['GET', /^apps$/, (c) => ({ items: c.world.empty ? [] : [{ name: 'shop', created_at: c.world.iso(900_000), role: c.role, git_url: 'http://127.0.0.1:7070/git/shop.git', environments: [env(c.world), env(c.world, 'staging')] }] })],
  ['GET', /^apps\/shop\/line$/, (c, q) => line(c.world, c.running, q.get('environment') ?? 'production')],
  ['GET', /^apps\/shop\/builds$/, (c) => ({ items: c.world.builds.map(({ units, leases, suites, ...b }) => b) })],
  ['GET', /^apps\/shop\/builds\/(\w+)$/, (c, q, id) => { const b = c.world.builds.find((b) => b.id === id); return b && { units: [], leases: [], suites: [], ...b }; }],
  ['POST', /^apps\/shop\/builds\/(\w+)\/cancel$/, () => undefined],
  ['POST', /^apps\/shop\/builds\/(\w+)\/(retry|hotfix)$/, () => ({ build: 'bld_01kc0045' })],
  ['GET', /^apps\/shop\/releases$/, (c) => ({ items: c.world.rollouts.map((r) => release(c.world, r.release.id)) })],
  ['GET', /^apps\/shop\/releases\/(\w+)$/, (c, q, id) => release(c.world, id)],
  ['GET', /^apps\/shop\/rollouts$/, (c, q) => ({ items: c.world.rollouts.filter((r) => r.environment === (q.get('environment') ?? r.environment)).map(({ decisions, ...r }) => ({ ...r, vitals: [], hosts: [], paths: [] })) })],
  ['GET', /^apps\/shop\/rollouts\/(\w+)$/, (c, q, id) => seen(c.world, c.world.rollouts.find((r) => r.id === id))],
  ['GET', /^apps\/shop\/rollouts\/(\w+)\/series$/, (c, q, id) => { const r = c.world.rollouts.find((r) => r.id === id); return r && series(r, q.get('vital') ?? 'errors', r.span); }],
  ['POST', /^apps\/shop\/rollouts\/(\w+)\/(pause|resume|promote|rollback)$/, (c, q, id, verb, b) => act(c, id, verb, b)],
  ['GET', /^apps\/shop\/score$/, (c, q) => score(c.world, q.get('environment'), Number(q.get('days') ?? 30))],
  ['GET', /^apps\/shop\/verdicts$/, (c, q) => past(c.world, q.get('environment'), { days: Number(q.get('days') ?? 30), show: q.get('show') ?? 'all', after: q.get('after'), limit: Number(q.get('limit') ?? 50) })],
  ['GET', /^apps\/shop\/rollouts\/(\w+)\/assessment$/, (c, q, id) => verdictOn(c.world, id)],
  ['PUT', /^apps\/shop\/rollouts\/(\w+)\/assessment$/, (c, q, id, _, b) => said(c, id, b.word, b.note)],
  ['DELETE', /^apps\/shop\/rollouts\/(\w+)\/assessment$/, (c, q, id) => said(c, id, '')],
  ['GET', /^apps\/shop\/environments\/(\w+)$/, (c, q, name) => env(c.world, name)],
  ['GET', /^apps\/shop\/environments\/(\w+)\/power$/, (c) => power(c.world)],
  ['PATCH', /^apps\/shop\/environments\/(\w+)$/, (c, q, name) => env(c.world, name)],
  ['POST', /^apps\/shop\/environments\/(\w+)\/(freeze|unfreeze)$/, (c, q, name, verb, b) => { c.world.freeze = verb === 'freeze' ? { by: 'person:ana', reason: b.reason, at: new Date().toISOString() } : null; c.send(verb === 'freeze' ? 'freeze.set' : 'freeze.lifted', { reason: b.reason }); }],
  ['POST', /^apps\/shop\/environments\/(\w+)\/rollback$/, (c, q, name, _, b) => { c.world.wentBack = b; return { rollout: 'rol_01kc0034' }; }],
  ['GET', /^apps\/shop\/environments\/(\w+)\/config$/, (c) => c.world.config],
  ['PATCH', /^apps\/shop\/environments\/(\w+)\/config$/, (c, q, name, _, b) => { Object.assign(c.world.config.settings, b.settings); c.world.config.version++; c.world.config.history.unshift({ version: c.world.config.version, at: new Date().toISOString(), actor: 'person:ana', settings: Object.keys(b.settings), secrets: Object.keys(b.secrets), removed: b.remove, reason: b.reason }); return c.world.config; }],
  ['GET', /^apps\/shop\/environments\/(\w+)\/notices$/, () => ({ webhooks: [{ url: 'https://hooks.slack.com/services/T0/B0/XYZ', kind: 'slack', on: ['red', 'returned'] }] })],
  ['PUT', /^apps\/shop\/environments\/(\w+)\/notices$/, (c, q, name, _, b) => b],
  ['GET', /^apps\/shop\/environments\/(\w+)\/notices\/log$/, (c) => ({ items: [{ id: 'ntc_1', at: c.world.iso(5368), host: 'hooks.slack.com', kind: 'slack', topic: 'returned', state: 'sent', tries: 1 }, { id: 'ntc_2', at: c.world.iso(2100), host: 'hooks.slack.com', kind: 'slack', topic: 'red', state: 'failed', error: 'status 502', tries: 5 }] })],
  ['GET', /^agents$/, (c) => ({ items: c.world.empty ? [] : c.world.agents })],
  ['GET', /^agents\/(\w+)\/samples$/, (c, q, id) => ({ items: c.world.agents.find((a) => a.id === id)?.samples ?? [] })],
  ['POST', /^join-tokens$/, (c, q, _, __, b) => ({ id: 'join_2', label: '', created_by: 'person:ana', created_at: new Date().toISOString(), roles: b.roles, uses: b.uses, token: 'slj_q8Jx1.mKdS0', command: `slipway agent --server http://127.0.0.1:7070 --join slj_q8Jx1.mKdS0 --roles ${b.roles.join(',')}` })],
  ['GET', /^join-tokens$/, (c) => ({ items: [{ id: 'join_1', roles: ['host', 'work'], uses: 10, label: 'rack 3', created_by: 'person:ana', created_at: c.world.iso(90_000), expires: c.world.iso(-3600) }] })],
  ['GET', /^apps\/shop\/sources$/, (c) => ({ items: c.world.empty ? [] : c.world.sources })],
  ['POST', /^apps\/shop\/sources$/, (c, q, _, __, b) => { const made = { ...c.world.sources[0], id: 'src_3', name: b.name, environment: b.environment ?? 'production', write_key: 'wk_3Jd8sK2mPq0xVt7Lr5Nw1Yb9Ze4Hc6Gf', stopped: false }; c.world.sources.push(made); return made; }],
  ['GET', /^apps\/shop\/sources\/(\w+)$/, (c, q, id) => c.world.sources.find((s) => s.id === id)],
  ['POST', /^apps\/shop\/sources\/(\w+)\/changes$/, (c, q, id, _, b) => Object.assign(c.world.sources.find((s) => s.id === id), b.change === 'key' ? { write_key: 'wk_new' } : b.change === 'limit' ? { limit: b.limit } : { stopped: b.change === 'stop' })],
  ['POST', /^apps\/shop\/events\/(sql|trend|top|funnel|retention|timeline)$/, (c, q, kind, _, b) => answer(c.world, kind, b) ?? wrongSql],
  ...saved(answer),
  ...privacy,
  ...ramps,
  ...flags,
  ...limits,
  ['GET', /^apps\/shop\/events\/failed$/, (c, q) => failed(c.world, q)],
  ['GET', /^apps\/shop\/events\/failed\/counts$/, (c) => counts(c.world)],
  ['POST', /^apps\/shop\/events\/failed\/repair$/, (c, q, _, __, b) => repaired(c.world, b)],
  ['POST', /^apps\/shop\/events\/failed\/drop$/, (c, q, _, __, b) => dropped(c.world, b)],
  ['GET', /^apps\/shop\/events\/plan$/, (c) => planOf(c.world)],
  ['PUT', /^apps\/shop\/events\/plan$/, (c, q, _, __, b) => changePlan(c.world, b)],
  ['POST', /^apps\/shop\/events\/plan\/check$/, (c, q, _, __, b) => checkPlan(c.world, b)],
  ['GET', /^apps\/shop\/events\/plan\/faults$/, (c) => faults(c.world)],
  ['GET', /^apps\/shop\/events\/learned$/, (c) => learned(c.world)],
  ['GET', /^apps\/shop\/events\/state$/, (c) => c.world.state ?? { written: 812, stored: 812, limited: c.world.sources.filter((s) => s.limit).map((s) => ({ source: s.id, bodies: 1204, last: c.world.iso(95) })) }],
  ['GET', /^people$/, (c) => ({ items: [{ ...c.world.person, created_at: c.world.iso(900_000), admin: true, grants: [] }, { created_at: c.world.iso(800_000), admin: false, id: 'per_2', name: 'bo', email: 'bo@shop.example', grants: [{ app: 'shop', environment: 'staging', role: 'deployer' }] }, { created_at: c.world.iso(700_000), admin: false, id: 'per_3', name: 'chen', email: 'chen@shop.example', grants: [{ app: 'shop', environment: '*', role: 'viewer' }] }] })],
  ['POST', /^people\/(\w+)\/links$/, (c, q, name) => ({ url: `http://127.0.0.1:7070/login?token=slc_for_${name}` })],
  ['GET', /^tokens$/, (c) => ({ items: [{ id: 'tok_1', label: 'laptop', person: 'ana', created_at: c.world.iso(86_000), expires_at: c.world.iso(-7_000_000), used_at: c.world.iso(30) }, { id: 'tok_2', label: 'nightly report', person: 'bo', created_at: c.world.iso(4_000_000), expires_at: null, used_at: null }] })],
  ['POST', /^tokens$/, (c, q, _, __, b) => ({ id: 'tok_3', person: 'ana', used_at: null, label: b.label, token: 'slp_4mJ0example', created_at: new Date().toISOString(), expires_at: b.expires_at ?? null })],
  ['PUT', /^apps\/shop\/grants\/(\w+)$/, () => undefined],
  ['DELETE', /^(tokens|agents|join-tokens|people|apps\/shop\/grants)\/(\w+)$/, () => undefined],
  ['POST', /^people$/, (c, q, _, __, b) => ({ id: 'per_4', name: b.name, email: b.email ?? '', admin: false, grants: [], created_at: new Date().toISOString() })],
  ['POST', /^apps\/shop\/environments$/, (c, q, _, __, b) => ({ ...env(c.world, b.name ?? 'qa'), branch: b.branch ?? 'qa' })],
  ['POST', /^apps\/shop\/environments\/(\w+)\/notices\/test$/, () => undefined],
  ['GET', /^audit$/, (c) => ({ items: c.world.empty ? [] : c.world.audit })],
];

async function api(req, res, url, context) {
  const path = url.pathname.slice(4);
  if (req.method === 'POST' && path === 'session') {
    const { token } = await body(req);
    if (token !== 'good') return problem(res, 401, 'This token is not known here. It may have been revoked, or be of another server.');
    context.sign(true);
    return res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(session(context)));
  }
  if (!context.session()) return problem(res, 401, 'Sign in first.');
  const log = path.match(/^apps\/shop\/builds\/(\w+)\/logs\/(\w+)$/);
  if (log) return sendLog(res, url, log[2]);
  for (const [method, pattern, answer] of routes) {
    const match = method === req.method && path.match(pattern);
    if (!match) continue;
    const sent = method === 'GET' || method === 'DELETE' ? {} : await body(req);
    const value = answer(context, url.searchParams, match[1], match[2], sent, match[3]);
    if (value === undefined && method === 'GET') return problem(res, 404, 'There is no such thing here.');
    if (value === ended) return problem(res, 409, 'It has ended.');
    if (value === wrongSql) return problem(res, 422, 'Binder Error: Referenced column "nope" not found in FROM clause!\nCandidate bindings: "name", "context", "source"', [{ field: 'sql', message: 'Binder Error: Referenced column "nope" not found' }]);
    if (Array.isArray(value?.refused)) return problem(res, ...value.refused);
    if (value === undefined) return res.writeHead(method === 'POST' ? 200 : 204).end();
    return res.writeHead(200, { 'Content-Type': 'application/json', ETag: '"7"' }).end(JSON.stringify(value));
  }
  problem(res, 404, 'There is no such address.');
}

// The log of a running lease grows by a line a half second; one lease has 100,000 lines.
const opened = Date.now();
function sendLog(res, url, lease) {
  const running = lease.startsWith('lse_44_') && lease !== 'lse_44_l';
  const many = lease === 'lse_42_0';
  const count = many ? 100_000 : running ? 60 + Math.floor((Date.now() - opened) / 500) : 400;
  const line = (i) => (i % 23 === 5 ? `\x1b[31m--- FAIL: TestTotalRoundsOnce (0.01s)\x1b[0m\n` : i % 7 === 3 ? `=== RUN   TestBasket/${i}\n` : `{"Time":"2026-11-20T19:${String(i % 60).padStart(2, '0')}:00Z","Action":"output","Package":"shop.example/price","Output":"ok  ${i}"}\n`);
  const bytes = Buffer.from(Array.from({ length: count }, (_, i) => line(i)).join(''));
  const from = Math.min(bytes.length, Number(url.searchParams.get('offset') ?? 0));
  const answer = () => res.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', ...(running ? {} : { 'Slipway-Log-End': 'true' }) }).end(bytes.subarray(from));
  if (running && from === bytes.length && url.searchParams.has('wait')) setTimeout(() => res.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' }).end(line(count)), 500);
  else answer();
}

function env(world, name = 'production') {
  const live = world.commits[9];
  const running = world.rollouts.find((r) => r.environment === name && !r.ended_at && r.state !== 'queued');
  return {
    app: 'shop', role: world.role, config: 7, created_at: world.iso(900_000), name, branch: name === 'production' ? 'main' : 'next', allow_force_push: name !== 'production', labels: { zone: 'a' }, hosts: [], domains: name === 'production' ? ['shop.example', 'www.shop.example'] : ['staging.shop.example'],
    live: { release: 'rel_01kc0042', number: 42, commit: live.sha, subject: live.subject, since: world.iso(2600) }, frozen: world.freeze,
    rollout: running ? { id: running.id, release: running.release.id, state: running.state, share: running.share, step: running.step, verdict: running.verdict } : null,
    waiting: 1, url: 'http://127.0.0.1:7080',
  };
}

function line(world, running, name) {
  if (world.empty || name !== 'production') return { environment: name, stages: ['tests', 'canary', 'live'], cards: [] };
  const c = world.commits;
  const card = (id, stage, i, more) => ({ id, stage, commit: c[i], commits: [c[i]], progress: 0, sentence: '', since: world.iso(60), ...more });
  const b = world.builds[1];
  return {
    environment: name,
    stages: ['tests', 'canary', 'live'],
    cards: [
      card('c1', 'waiting', 13, { build: 'bld_01kc0045', build_number: 45, sentence: 'Waits for the four workers, which test build #44; about 12 s to go.', since: world.iso(4) }),
      card('c2', 'tests', 12, { build: b.id, build_number: 44, commits: [c[12], c[11]], progress: b.done / b.total, sentence: `${b.done} of ${b.total} units done; about 12 s to go.`, since: world.iso(9) }),
      card('c3', 'waiting', 11, { build: 'bld_01kc0043', build_number: 43, rollout: 'rol_01kc0042', release: 'rel_01kc0044', number: 44, sentence: 'Passed. Waits for rollout #41 to end.', since: world.iso(20) }),
      card('c7', 'red', 9, { build: 'bld_01kc0042', build_number: 42, commits: [c[8], c[9]], sentence: '2 of 48 units failed: shop.example/price and shop.example/voucher/v2.', since: world.iso(2100) }),
      card('c4', 'canary', 10, { rollout: running.id, release: running.release.id, number: 43, build: 'bld_01kc0041', progress: running.progress, sentence: running.sentence, since: world.iso(46) }),
      card('c5', 'returned', 8, { rollout: 'rol_01kc0039', release: 'rel_01kc0041', number: 41, sentence: 'Rolled back after 31 s: errors were 10.5 times the old, mostly on /checkout.', since: world.iso(5368) }),
      card('c6', 'live', 9, { rollout: 'rol_01kc0040', release: 'rel_01kc0042', number: 42, sentence: 'Promoted: errors were 0.9 times the old over 41,200 requests.', since: world.iso(2600) }),
    ],
  };
}

function release(world, id) {
  const r = world.rollouts.find((r) => r.release.id === id);
  if (!r) return undefined;
  const c = world.commits.find((c) => c.sha === r.release.commit);
  return { config: 7, why: 'push', build: 'bld_01kc0041', ...r.release, app: 'shop', environment: r.environment, commits: r.release.change ? [] : [c], artifact: 'a3f1c09be47d'.repeat(5), size: 18_400_000, stored: r.number > 35, live_at: r.outcome === 'promoted' ? r.ended_at : null, created_at: r.created_at, state: r.outcome === 'promoted' ? (r.number === 40 ? 'live' : 'good') : r.outcome === 'rolled_back' ? 'bad' : 'rolling', verdict: r.verdict };
}

// ended is the answer of what cannot be changed any more.
const ended = Symbol('ended');
// wrongSql is the answer to a question that the store does not understand.
const wrongSql = Symbol('wrong SQL');

// said is the answer to a word on a verdict.
function said(c, id, word, note) {
  const v = say(c.world, id, word, note);
  if (v) c.send('rollout.assessed', { rollout: id, number: v.number, outcome: v.outcome, verdict: v.verdict, word, note });
  return v ?? ended;
}

function act(c, id, verb, { reason }) {
  const r = c.world.rollouts.find((r) => r.id === id);
  const now = new Date().toISOString();
  if (!r || r.ended_at) return ended;
  const to = { pause: 'paused', resume: 'watching', promote: 'promoted', rollback: 'rolled_back' }[verb];
  r.decisions.push({ at: now, from: r.state, to, step: r.step, actor: 'person:ana', verdict: r.verdict, reasons: [{ code: verb, text: reason ? `By ana: “${reason}”.` : 'By ana.' }] });
  r.state = to;
  r.actions = to === 'paused' ? ['resume', 'promote', 'rollback'] : to === 'watching' ? ['pause', 'promote', 'rollback'] : [];
  if (r.state === 'rolled_back' && !r.started_at) Object.assign(r, { state: 'superseded', ended_at: now, outcome: 'superseded', sentence: 'Taken back before it began, by ana.' });
  else if (to === 'promoted' || to === 'rolled_back') Object.assign(r, { ended_at: now, outcome: to, share: to === 'promoted' ? 1 : 0, sentence: to === 'promoted' ? 'Promoted by ana.' : 'Rolled back by ana.' });
  c.send(r.ended_at ? 'rollout.ended' : 'rollout.moved', { rollout: id });
  c.world.audit.unshift({ id: Date.now(), at: now, actor: 'person:ana', action: 'rollout.' + verb, app: 'shop', environment: r.environment, target: id, reason, detail: {} });
  return r;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await fixture({ port: 7170, empty: process.argv.includes('--empty'), role: process.argv.includes('--viewer') ? 'viewer' : 'admin' });
  console.log(`A made-up Slipway with the page of dist: ${url} (sign in with the token "good")`);
}
