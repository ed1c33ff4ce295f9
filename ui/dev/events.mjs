import { random } from './random.mjs';

// What the users of the made-up shop did, and answers to what is asked about it. Nothing here reads the SQL: the answer is of the kind that was asked for.
const column = (name, type) => ({ name, type });
const learned = [
  ['track', 'order placed', ['price', 'number'], ['plan', 'string'], ['items', 'number']],
  ['track', 'signed up', ['$browser', 'string'], ['plan', 'string'], ['table', 'string'], ['floor', 'number']],
  ['track', 'voucher refused', ['reason', 'string']],
  ['page', 'Pricing', ['url', 'string'], ['referrer', 'string']],
];

const sql = "SELECT date_trunc('day', time) AS bucket, count(*) AS value\nFROM events\nGROUP BY 1\nORDER BY 1";
const told = (columns, rows, more = false, stored = 4210) => ({ sql, columns, rows, more, took_ms: 34, stored });

// makeEvents are those of the live tail, the oldest first.
export function makeEvents(world) {
  const r = random(11);
  const pick = (list) => list[Math.floor(r() * list.length)];
  return Array.from({ length: world.empty ? 0 : 60 }, (_, i) => madeEvent(world, 4151 + i, pick, world.iso((60 - i) * 7)));
}

export function madeEvent(world, seq, pick, at) {
  const [kind, name] = pick(learned);
  const user = `u${100 + (seq % 37)}`;
  const known = seq % 3 > 0;
  const properties = { 'order placed': { price: 12.5 + (seq % 50), plan: pick(['free', 'pro', 'team']), items: 1 + (seq % 4) }, 'signed up': { $browser: 'Firefox', $lib: 'web', plan: 'free', table: '12', floor: 12 }, 'voucher refused': { reason: 'It ended on Friday, and is not of this shop; the basket is kept as it is' }, Pricing: { url: 'https://shop.example/pricing?campaign=autumn', referrer: 'https://search.example/' } }[name];
  return { seq, failed: false, data: { id: `ajs-${seq}`, app: 'shop', environment: 'production', source: 'src_1', kind, name: name === 'Pricing' && seq % 2 ? undefined : name, user: known ? user : undefined, anonymous: `b-${user}`, time: at, received: at, release: 'rel_01kc0042', properties, context: { locale: 'en-GB', page: { path: '/pricing' } } } };
}

const stored = (e) => {
  const d = e.data;
  return [e.seq, d.received, d.time, d.environment, d.source, d.kind, d.name, d.user ?? null, d.anonymous, d.release, d.id, JSON.stringify(d.properties), JSON.stringify(d.context)];
};
const columns = ['seq', 'received', 'time', 'environment', 'source', 'kind', 'name', 'user_id', 'anonymous_id', 'release', 'message_id', 'properties', 'context'].map((n) => column(n, 'VARCHAR'));

// answerSql answers what pages ask in SQL themselves, and one question of anybody else.
function answerSql(world, { sql: text, limit }) {
  if (/\bnope\b/.test(text)) return undefined;
  if (text.includes(' AS day,')) return told([column('kind', 'VARCHAR'), column('name', 'VARCHAR'), column('day', 'TIMESTAMP'), column('events', 'BIGINT')], world.empty ? [] : learned.flatMap(([kind, name], k) => Array.from({ length: 14 }, (_, i) => [kind, name, world.iso(86_400 * (13 - i)), Math.round(60 + 40 * Math.sin(i / 2 + k))])));
  if (text.includes('message_id = ')) return told([column('properties', 'JSON')], text.includes("'ajs-4201'") ? [['{"price":"twelve","plan":"pro"}']] : []);
  if (text.includes('SELECT raw FROM failed')) return told([column('raw', 'JSON')], [['{"type":"track","event":"order placed","userId":"u4","properties":{"plan":"pro"}}']]);
  if (text.includes('WHERE received < TIMESTAMP')) return told([column('count_star()', 'BIGINT')], [[world.empty ? 0 : 4123]]);
  if (text.includes('FROM learned')) return told(['kind', 'name', 'property', 'type'].map((n) => column(n, 'VARCHAR')), world.empty ? [] : learned.flatMap(([kind, name, ...properties]) => [['', ''], ...properties].map(([p, t]) => [kind, name, p, t])));
  if (text.includes('ORDER BY seq DESC')) {
    const name = text.match(/name = '([^']*)'/)?.[1];
    const user = text.match(/user_id = '([^']*)'/)?.[1];
    const some = text.includes("'production'") ? world.events.filter((e) => !e.failed && (!name || e.data.name === name) && (!user || e.data.user === user || e.data.anonymous === user)) : [];
    return told(columns, some.slice(-50).reverse().map(stored), false, world.events.at(-1)?.seq ?? 0);
  }
  if (text.startsWith('SELECT * FROM events')) return { ...told(columns, world.events.slice(-20).map((e) => [...stored(e).slice(0, -1), JSON.stringify({ ...e.data.context, userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36', note: 'x'.repeat(400) })])), sql: text };
  if (text.includes('date_trunc')) return trend(world, { from: world.iso(30 * 86_400), to: world.iso(0), interval: 'day' });
  const rows = Array.from({ length: limit }, (_, i) => [['order placed', 'signed up', 'voucher refused', 'Pricing'][i % 4], 4123 - i, i % 5 === 3 ? null : 12.25 + i, i === 0 ? '{"plan":"pro","nested":{"a":[1,2,3]}}' : '']);
  return { ...told([column('name', 'VARCHAR'), column('events', 'BIGINT'), column('price', 'DOUBLE'), column('properties', 'JSON')], world.empty ? [] : rows, !world.empty), sql: text };
}

function trend(world, { from, to, interval = 'day', split, measure = 'events', environment }) {
  const length = { minute: 6e4, hour: 36e5, day: 864e5, week: 7 * 864e5, month: 30 * 864e5 }[interval];
  const r = random(7);
  const shown = split === 'event.release' ? ['rel_01kc0042', 'rel_01kc0041', '(none)'] : split === 'event.source' ? ['src_1', 'src_2'] : split ? ['free', 'pro', 'team', '(none)'] : [''];
  const rows = [];
  const first = interval === 'week' ? Date.parse(from) : Math.floor(Date.parse(from) / length) * length;
  for (let at = first, i = 0; at < Date.parse(to); at += length, i++) {
    for (const [k, part] of shown.entries()) {
      const value = (measure === 'events' || measure === 'visitors' ? Math.round : Number)((90 + 40 * Math.sin(i / 3 + k) + 30 * r()) / (k + 1));
      if (i % 11 !== 4) rows.push([new Date(at).toISOString().replace('.000', ''), ...(split ? [part] : []), value]); // and now and then there was nothing
    }
  }
  const none = world.empty || environment === 'staging';
  return told([column('bucket', 'TIMESTAMP'), ...(split ? [column('split', 'VARCHAR')] : []), column('value', 'BIGINT')], none ? [] : rows);
}

function top(world) {
  return told([column('value', 'VARCHAR'), column('events', 'BIGINT'), column('visitors', 'BIGINT')], world.empty ? [] : learned.map(([, name], i) => [name, 4123 - 900 * i, 812 - 150 * i]));
}

function funnel(world, { steps }) {
  const rows = (steps ?? []).map((_, i) => [i + 1, world.empty ? 0 : Math.round(8123 * 0.46 ** i), i === 0 || world.empty ? null : 95.4 * 14 ** (i - 1)]);
  return told([column('step', 'INTEGER'), column('visitors', 'BIGINT'), column('median_seconds', 'DOUBLE')], rows);
}

function retention(world, { from, to, interval = 'week' }) {
  const length = { day: 864e5, week: 7 * 864e5, month: 30 * 864e5 }[interval];
  const rows = [];
  for (let cohort = Date.parse(from), k = 0; cohort < Date.parse(to); cohort += length, k++) {
    const size = 240 + 13 * k;
    for (let at = cohort, age = 0; at < Date.parse(to); at += length, age++) if (age !== 5) rows.push([new Date(cohort).toISOString(), size, new Date(at).toISOString(), age === 0 ? size : Math.round(size * 0.52 * 0.82 ** age)]);
  }
  return told([column('cohort', 'TIMESTAMP'), column('size', 'BIGINT'), column('bucket', 'TIMESTAMP'), column('visitors', 'BIGINT')], world.empty ? [] : rows);
}

function timeline(world, { visitor, before_sequence: behind, limit = 100 }) {
  const mine = world.events.filter((e) => !e.failed).filter((e) => e.data.user === visitor || e.data.anonymous === visitor).reverse();
  const some = mine.slice(behind ? mine.findIndex((e) => e.seq === behind) + 1 : 0).slice(0, limit);
  return told(['seq', 'time', 'kind', 'name', 'environment', 'release', 'user_id', 'anonymous_id', 'properties', 'context'].map((n) => column(n, 'VARCHAR')), some.map(({ seq, data: d }) => [seq, d.time, d.kind, d.name, d.environment, d.release, d.user ?? null, d.anonymous, JSON.stringify(d.properties), JSON.stringify(d.context)]));
}

const answers = { sql: answerSql, trend, top, funnel, retention, timeline };
export const answer = (world, kind, question) => answers[kind](world, question);

// Questions that the server takes, by kind: what dev/fits.mjs asks.
const span = { from: '2026-11-01T00:00:00Z', to: '2026-11-29T00:00:00Z' };
export const questions = {
  sql: { sql: 'SELECT 1', limit: 10 }, trend: span, top: { ...span, property: 'plan' }, funnel: { ...span, steps: [{ event: 'signed up' }, { event: 'order placed' }] }, retention: span, timeline: { visitor: 'u100' },
};

// tail sends a new event every now and then to who follows, the failed ones among them.
export function tail(req, res, world) {
  const r = random(5);
  const asked = new URL(req.url, 'http://x').searchParams;
  res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  res.write(': stream\n\n');
  if (world.empty || asked.get('environment') !== 'production') return;
  const [name, user] = [asked.get('name'), asked.get('user')];
  const wanted = (e) => (!name && !user) || (!e.failed && (!name || e.data.name === name) && (!user || e.data.user === user || e.data.anonymous === user));
  const write = (e) => wanted(e) && res.write(`id: ${e.seq}\nevent: ${e.failed ? 'failed' : 'event'}\ndata: ${JSON.stringify(e.data)}\n\n`);
  for (const e of world.events) if (e.seq > Number(asked.get('after') || Infinity)) write(e);
  const send = () => {
    const seq = world.events.at(-1).seq + 1;
    const at = new Date().toISOString();
    const e = seq % 9 === 8 ? { seq, failed: true, data: { reason: 'no_user', message: 'neither a user nor an anonymous id', raw: { event: 'order placed' }, app: 'shop', environment: 'production', source: 'src_1', received: at } } : madeEvent(world, seq, (l) => l[Math.floor(r() * l.length)], at);
    world.events.push(e);
    write(e);
  };
  const timer = setInterval(send, 400);
  req.on('close', () => clearInterval(timer));
}

// What came and is no event; a world that is changed by repairs keeps its own.
function broken(world) {
  if (world.empty) return [];
  world.broken ??= [
    ['no_user', 'the event needs a userId or an anonymousId', { event: 'order placed', user_id: 'u7', properties: { price: 12.5, plan: 'pro' } }],
    ['no_user', 'the event needs a userId or an anonymousId', { event: 'order placed', user_id: 'u9', properties: { price: 3 } }],
    ['no_name', 'the event has no name', { userId: 'u3', properties: {} }],
    ['too_large', 'the event has 40,112 bytes; at most 32768', { event: 'order placed', userId: 'u5', note: 'x'.repeat(4000) }],
    ['plan', 'properties.price is a string, not a number', { event: 'order placed', userId: 'u4', properties: { price: 'twelve' } }],
  ].map(([reason, message, raw], i) => ({ sequence: 301 + i, reason, message, raw, dialect: 'segment', kind: 'track', app: 'shop', environment: 'production', source: 'src_1', received: world.iso(4000 - 900 * i), state: 'open' }));
  return world.broken;
}

const open = (world, { reason } = {}) => broken(world).filter((f) => f.state === 'open' && (!reason || f.reason === reason));

export const failed = (world, asked) => ({ items: open(world, { reason: asked.get('reason') }) });

export function counts(world) {
  const items = [];
  for (const f of broken(world)) {
    const known = items.find((c) => c.reason === f.reason && c.state === f.state);
    if (known) Object.assign(known, { count: known.count + 1, last: f.received });
    else items.push({ reason: f.reason, state: f.state, count: 1, last: f.received });
  }
  return { items };
}

// Whatever the program is, it mends those that have user_id.
export function repaired(world, body) {
  const out = { repaired: 0, left: 0, failed: 0, results: [] };
  for (const f of open(world, body)) {
    const mends = 'user_id' in f.raw;
    const { user_id, ...rest } = f.raw;
    const item = mends ? { ...rest, userId: user_id } : f.raw;
    out[mends ? 'repaired' : 'failed']++;
    out.results.push({ sequence: f.sequence, raw: f.raw, item, ...(mends ? { event: { name: f.raw.event } } : { message: f.message }) });
    if (mends && !body.try) f.state = 'repaired';
  }
  return out;
}

export function dropped(world, body) {
  const all = open(world, body);
  for (const f of all) f.state = 'dropped';
  return { dropped: all.length };
}
