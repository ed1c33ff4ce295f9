import { readFile } from 'node:fs/promises';
import { questions } from './events.mjs';
import { fixture, routes } from './server.mjs';

// Says whether the made-up server answers as the real one does: node dev/fits.mjs <file of openapi.json>
// Every operation that the description has is asked of the fixture, and each answer compared with the schema of its status.
const description = JSON.parse(await readFile(process.argv[2], 'utf8'));
const wrong = new Set();

const kindOf = (v) => (v === null ? 'null' : Array.isArray(v) ? 'array' : typeof v);
const resolve = (s) => (s?.$ref ? resolve(description.components.schemas[s.$ref.split('/').pop()]) : s);

// misfits gives what of a value does not fit a schema: of JSON Schema what the description uses.
function misfits(value, schema, at) {
  const s = resolve(schema);
  if (s === undefined || s === true) return [];
  if (s.oneOf || s.anyOf) return (s.oneOf ?? s.anyOf).some((o) => misfits(value, o, at).length === 0) ? [] : [`${at} fits none of its kinds`];
  const kinds = [s.type ?? (s.properties ? 'object' : [])].flat();
  const kind = kindOf(value);
  const number = kind === 'number' && (kinds.includes('number') || (kinds.includes('integer') && Number.isInteger(value)));
  if (kinds.length > 0 && !number && !kinds.includes(kind)) return [`${at} is ${kind === 'number' ? value : kind}, not ${kinds.join(' or ')}`];
  if (kind === 'array') return value.flatMap((v, i) => misfits(v, s.items, `${at}[]`));
  if (kind === 'object') return objectMisfits(value, s, at);
  const out = [];
  if (s.enum && !s.enum.includes(value)) out.push(`${at} is ${JSON.stringify(value)}, not one of ${s.enum.join(', ')}`);
  if (s.format === 'date-time' && kind === 'string' && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value)) out.push(`${at} is ${JSON.stringify(value)}, not a time`);
  if (kind === 'number' && (value < (s.minimum ?? value) || value > (s.maximum ?? value))) out.push(`${at} is ${value}, out of its bounds`);
  return out;
}

function objectMisfits(value, s, at) {
  const known = s.properties ?? {};
  const out = (s.required ?? []).filter((k) => value[k] === undefined).map((k) => `${at}.${k} is missing`);
  for (const [k, v] of Object.entries(value)) {
    if (v === undefined) continue;
    if (v === null && (s.required ?? []).includes(k) && known[k]?.$ref) continue; // the server sends null where there is none, which its description cannot say
    if (known[k]) out.push(...misfits(v, known[k], `${at}.${k}`));
    else if (s.additionalProperties === false) out.push(`${at}.${k} is nothing that the server sends`);
    else if (typeof s.additionalProperties === 'object') out.push(...misfits(v, s.additionalProperties, `${at}.*`));
  }
  return out;
}

// Names that stand for those in paths, and what is sent.
const names = (world) => ({
  app: ['shop'], env: ['production', 'staging'], build: world.builds.map((b) => b.id), rollout: world.rollouts.map((r) => r.id), release: world.rollouts.map((r) => r.release.id),
  agent: world.agents.map((a) => a.id), person: ['ana'], token: ['tok_1'], source: ['src_1'], user: ['u1', 'nobody'], question: world.empty ? [] : ['qst_1', 'qst_2', 'qst_3', 'qst_5'],
  ...(world.empty ? {} : { flag: ['flg_1', 'switch:maintenance', 'dark-mode'], group: ['beta', 'adults', 'api:search'], key: ['fky_1', 'fky_4', 'api:search:ana'], ramp: ['rmp_1'], plan: ['fpl_3', 'fpl_2', 'fpl_1'] }),
});
const bodies = {
  'PUT /v1/apps/{app}/rollouts/{rollout}/assessment': { word: 'right', note: 'the phones rang' },
  'POST /v1/apps/{app}/sources': { name: 'ios' }, 'POST /v1/apps/{app}/sources/{source}/changes': { change: 'stop' },
  ...Object.fromEntries(Object.entries(questions).map(([kind, q]) => [`POST /v1/apps/{app}/events/${kind}`, q])),
  'PUT /v1/apps/{app}/events/settings': { keep_days: 30, ip: 'none', hidden: ['email'] }, 'POST /v1/apps/{app}/events/people/{user}/forget': { suppress: true },
  'POST /v1/apps/{app}/events/saved': { name: 'One', kind: 'sql', question: { sql: 'SELECT 1' } }, 'PUT /v1/apps/{app}/events/saved/{question}': {}, 'POST /v1/apps/{app}/events/sql/parquet': questions.sql,
  'POST /v1/apps/{app}/events/failed/repair': { program: '.userId = .user_id', try: true }, 'POST /v1/apps/{app}/events/failed/drop': {},
  'POST /v1/apps/{app}/events/plan/check': { mode: 'reject', events: [] },
  'PUT /v1/apps/{app}/events/plan': { mode: 'warn', events: [{ kind: 'track', name: 'order placed', schema: { type: 'object' } }] },
  'POST /v1/apps/{app}/limits': { group: 'mails', definition: { kind: 'ever', amount: 1 } }, 'PUT /v1/apps/{app}/limits/{group}': { definition: { kind: 'rolling', amount: 10, unit: 'minute' } },
  'PUT /v1/apps/{app}/limits/{group}/overrides/{key}': { amount: 200, until: '2030-01-01T09:00:00Z' }, 'POST /v1/apps/{app}/environments/{env}/limit-simulations': { group: 'api:search', definition: { kind: 'rolling', amount: 10, unit: 'minute' } },
  'POST /v1/apps/{app}/flags': { name: 'one', type: 'string' }, 'PUT /v1/apps/{app}/flags/{flag}': { description: 'one' }, 'POST /v1/apps/{app}/flags/{flag}/changes': { change: 'archive' },
  'PUT /v1/apps/{app}/environments/{env}/flags/{flag}': { on: false }, 'POST /v1/apps/{app}/environments/{env}/flags/{flag}/plans': { on: true, wall: '2030-01-01T09:00', zone: 'UTC' },
  'POST /v1/apps/{app}/environments/{env}/flags/{flag}/previews': { on: true, rules: [{ condition: { country: 'US' }, force: true }], visitors: true }, 'POST /v1/apps/{app}/environments/{env}/evaluations': { attributes: { id: 'u1', plan: 'pro' } },
  'POST /v1/apps/{app}/environments/{env}/plans/{plan}/decisions': { decision: 'refuse', said: 'not now' }, 'PUT /v1/apps/{app}/groups/{group}': { definition: ['u1'] }, 'PUT /v1/apps/{app}/flag-settings': { approvals: ['production'], stale_days: 14 },
  'POST /v1/apps/{app}/environments/{env}/ramps/{ramp}/commands': { command: 'pause' }, 'POST /v1/apps/{app}/keys': { name: 'tv', kind: 'client' }, 'POST /v1/apps/{app}/keys/{key}/changes': { change: 'turned' },
  'POST /v1/apps/{app}/environments/{env}/flags/{flag}/ramps': { vitals: [{ event: 'order placed' }] },
  'POST /v1/people': { name: 'dara' }, 'POST /v1/apps/{app}/environments': { name: 'qa', branch: 'qa' },
  'POST /v1/session': { token: 'good' }, 'POST /v1/tokens': { label: 'ci' }, 'POST /v1/join-tokens': { roles: ['host'], uses: 1 },
  'PATCH /v1/apps/{app}/environments/{env}/config': { settings: { A: '1' }, secrets: { B: '2' }, remove: [], reason: 'why' },
  'PUT /v1/apps/{app}/environments/{env}/notices': { webhooks: [{ url: 'https://hooks.example/x', kind: 'webhook', on: ['red'] }] },
};

function* paths(path, values) {
  const name = path.match(/\{(\w+)\}/)?.[1];
  if (!name) return yield path;
  for (const v of values[name] ?? []) yield* paths(path.replace(`{${name}}`, v), values);
}

// What ends things, or the session, comes last.
const order = (operation) => (/^DELETE|session$/.test(operation) ? 3 : /promote|rollback/.test(operation) ? 2 : operation.startsWith('GET') ? 0 : 1);
const operations = Object.entries(description.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, o]) => [`${method.toUpperCase()} ${path}`, o]));
operations.sort(([a], [b]) => order(a) - order(b));

const used = new Set();
for (const [how, options] of [['as it is', {}], ['empty', { empty: true }]]) {
  const made = await fixture(options);
  try {
    for (const [operation, o] of [...operations, ...operations.filter(([name]) => name.startsWith('GET'))]) await ask(made, how, operation, o);
    const type = 'text/event-stream';
    const stream = await fetch(made.url + '/v1/stream', { headers: { Accept: type } });
    const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader();
    made.send('rollout.moved', { rollout: 'rol_1' });
    let text = '';
    while (!/data: \{"id".*\n\n/.test(text)) text += (await reader.read()).value;
    for (const m of misfits(JSON.parse(text.match(/data: (\{"id".*)\n/)[1]), { $ref: '#/components/schemas/Event' }, 'event')) wrong.add(`GET /v1/stream: ${m}`);
    await reader.cancel();
  } finally {
    await made.close();
  }
}

async function ask(made, how, operation, o) {
  const [method, pattern] = operation.split(' ');
  for (const path of paths(pattern, names(made.world))) {
    for (const r of routes) if (r[0] === method && path.slice(4).match(r[1])) used.add(r);
    const body = method === 'GET' || method === 'DELETE' ? undefined : JSON.stringify(bodies[operation] ?? { reason: 'why' });
    const res = await fetch(made.url + path, { method, body, headers: { 'Content-Type': 'application/json' } });
    const text = await res.text();
    if (res.status === 404) continue; // a page that needs it fails in test:ui
    if (operation === 'DELETE /v1/session') await fetch(made.url + '/v1/session', { method: 'POST', body: '{"token":"good"}' });
    const said = o.responses[res.status];
    if (!said) {
      wrong.add(`${operation} (${how}) answers ${res.status}, which the server does not`);
      continue;
    }
    const schema = said.content?.['application/json']?.schema;
    if (schema && text === '') wrong.add(`${operation} (${how}) answers ${res.status} with nothing`);
    else if (schema) for (const m of misfits(JSON.parse(text), schema, 'body')) wrong.add(`${operation}: ${m}`);
  }
}

for (const r of routes) if (!used.has(r)) wrong.add(`${r[0]} ${r[1]}: the server has no such operation`);
if (wrong.size > 0) {
  console.error([...wrong].sort().join('\n'));
  process.exit(1);
}
