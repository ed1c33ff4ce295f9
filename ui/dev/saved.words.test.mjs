import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

// Saved questions as addresses have them, and back.
let vite, saved, questions;
before(async () => {
  vite = await createServer({ root: fileURLToPath(new URL('..', import.meta.url)), server: { middlewareMode: true, ws: false, watch: null }, appType: 'custom', logLevel: 'error', optimizeDeps: { noDiscovery: true } });
  saved = await vite.ssrLoadModule('/src/events/saved.ts');
  questions = await vite.ssrLoadModule('/src/events/question.ts');
});
after(() => vite?.close());

const now = Date.parse('2026-11-29T12:00:00Z');
const at = (o) => new URLSearchParams(o);
const price = JSON.stringify({ event: 'order placed', where: [{ property: 'price', is: 'more', value: '10' }] });
const steps = JSON.stringify([{ event: 'a' }, { event: 'b', where: [{ property: 'plan', is: 'set' }] }]);

test('what an address asks is kept, and asks the same again', () => {
  for (const [kind, parameters, want] of [
    ['sql', { sql: ' SELECT 1 ' }, { sql: 'SELECT 1' }],
    ['trend', {}, { last: '7d', environment: 'staging', measure: 'events', interval: 'day' }],
    ['trend', { last: '90m', what: price, measure: 'sum', of: 'price', split: 'plan', interval: 'minute' }, { last: '90m', environment: 'staging', event: 'order placed', where: [{ property: 'price', is: 'more', value: '10' }], measure: 'sum', interval: 'minute', of: 'price', split: 'plan' }],
    ['trend', { from: '2026-11-01T00:00', to: '2026-11-02T00:00' }, { from: new Date('2026-11-01T00:00').toISOString(), to: new Date('2026-11-02T00:00').toISOString(), environment: 'staging', measure: 'events', interval: 'hour' }],
    ['funnel', { steps, within: '3600' }, { last: '7d', environment: 'staging', steps: JSON.parse(steps), within_seconds: 3600 }],
    ['retention', { first: 'signed up' }, { last: '30d', environment: 'staging', first: { event: 'signed up' }, back: {}, interval: 'week' }],
    ['retention', { last: '7d', back: price }, { last: '7d', environment: 'staging', first: {}, back: JSON.parse(price), interval: 'day' }],
  ]) {
    const { zone, ...got } = saved.keptOf(kind, at(parameters), 'staging', now);
    assert.equal(zone, kind === 'trend' || kind === 'retention' ? questions.zone() : undefined);
    assert.deepEqual(got, want);
    const back = saved.keptOf(kind, at(saved.parametersOf(kind, got)), 'staging', now);
    assert.deepEqual({ ...back, zone: undefined }, { ...want, zone: undefined });
    assert.ok(saved.same(kind, at(parameters), want, 'staging', now), `${kind} is the same`);
  }
});

test('what does not say enough is not kept', () => {
  for (const [kind, parameters] of [['sql', {}], ['sql', { sql: '  ' }], ['trend', { measure: 'sum' }], ['trend', { from: '2026-11-02T00:00', to: '2026-11-01T00:00' }], ['funnel', {}], ['funnel', { steps: JSON.stringify([{ event: 'a' }, {}]) }]]) {
    assert.equal(saved.keptOf(kind, at(parameters), 'staging', now), undefined);
  }
});

test('a change is seen, whatever the order of the words', () => {
  const kept = { where: [{ value: '10', is: 'more', property: 'price' }], event: 'order placed', last: '7d', interval: 'day', measure: 'events', environment: 'production', zone: 'Asia/Tokyo' };
  assert.ok(saved.same('trend', at({ what: price, last: '7d', interval: 'day' }), kept, 'production', now));
  for (const other of [{ last: '30d' }, { what: 'order placed' }, { split: 'plan' }, { measure: 'visitors' }]) assert.ok(!saved.same('trend', at({ what: price, last: '7d', interval: 'day', ...other }), kept, 'production', now), JSON.stringify(other));
  assert.ok(!saved.same('trend', at({ what: price, last: '7d', interval: 'day' }), kept, 'staging', now), 'another environment');
  assert.ok(!saved.same('sql', at({ sql: 'SELECT 2' }), { sql: 'SELECT 1' }, '', now));
});

test('each kind has its tab, and times are read as the server reads them', () => {
  for (const kind of ['sql', 'trend', 'funnel', 'retention']) assert.equal(saved.kindOf(saved.tabOf(kind)), kind);
  assert.equal(saved.kindOf('live'), undefined);
  for (const [text, want] of [['90m', 5_400_000], ['24h', 86_400_000], ['7d', 604_800_000], ['0d', undefined], ['7w', undefined], ['', undefined], ['soon', undefined]]) assert.equal(questions.lastingOf(text), want, text);
});
