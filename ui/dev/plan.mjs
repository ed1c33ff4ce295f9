// The tracking plan of the made-up shop, and what was learnt of its events.
const property = (world, name, type, count, planned = false) => ({ name, type, count, planned, first: world.iso(900_000), last: world.iso(40) });
const seen = (world, kind, name, count, planned, properties) => ({ kind, name, count, planned, first: world.iso(900_000), last: world.iso(7), properties: properties.map(([n, type, part, known]) => property(world, n, type, Math.round(count * part), known)) });

export const learned = (world) => ({
  items: world.empty || world.unheard ? [] : [
    seen(world, 'identify', '', 812, false, [['email', 'string', 1], ['plan', 'string', 0.4]]),
    seen(world, 'page', 'Pricing', 1804, false, [['referrer', 'string', 0.6], ['url', 'string', 1]]),
    seen(world, 'track', 'order placed', 4123, true, [['items', 'number', 1], ['plan', 'null', 0.03, true], ['plan', 'string', 0.94, true], ['price', 'number', 0.99, true], ['price', 'string', 0.01, true]]),
    seen(world, 'track', 'signed up', 3223, true, [['plan', 'string', 1, true]]),
    seen(world, 'track', 'voucher refused', 231, false, [['reason', 'string', 1]]),
  ],
});

export function planOf(world) {
  if (world.empty || (world.unheard && !world.plan)) return { mode: 'observe', additional_events: false, events: [] };
  return (world.plan ??= {
    mode: 'warn', additional_events: true, changed_at: world.iso(86_000), changed_by: 'person:ana',
    events: [
      { kind: 'track', name: 'order placed', schema: { type: 'object', properties: { price: { type: 'number', minimum: 0 }, plan: { type: 'string', enum: ['free', 'pro', 'team'] }, coupon: { type: 'string' } }, required: ['price', 'plan'] } },
      { kind: 'track', name: 'refund asked', schema: { type: 'object', properties: { reason: { type: 'string' } } } },
      { kind: 'track', name: 'signed up', schema: { type: 'object', properties: { plan: { type: 'string' } } } },
    ],
  });
}

export function changePlan(world, { reason, ...b }) {
  const i = b.events.findIndex((e) => JSON.stringify(e.schema).includes('"numbr"'));
  if (i >= 0) return { refused: [422, `the schema of "${b.events[i].name}" is none: at /properties/price/type, does not fit anyOf`, [{ field: `events[${i}].schema/properties/price/type`, message: 'does not fit anyOf' }]] };
  return (world.plan = { additional_events: false, ...b, changed_at: new Date().toISOString(), changed_by: 'person:ana' });
}

export const faults = (world) => ({
  items: world.empty || world.unheard ? [] : [
    { kind: 'track', name: 'order placed', path: '/plan', fault: 'is null, want string', count: 118, first: world.iso(7000), last: world.iso(300), example: 'ajs-4188' },
    { kind: 'track', name: 'order placed', path: '/price', fault: 'is string, want number', count: 41, first: world.iso(7000), last: world.iso(900), example: 'ajs-4201' },
  ],
});

// The shop's only vital about events counts orders by visitors who saw a page.
export function checkPlan(world, { mode, additional_events: open = false, events }) {
  const order = events.find((e) => e.name === 'order placed');
  const by = 'the vital order placed per page (release 42, live in production)';
  const effect = (rejected, why) => ({ event: 'order placed', used_by: by, rejected, of: 200, text: `${by} counts order placed${why}` });
  if (world.empty || mode !== 'reject') return { effects: [] };
  if (!order && !open) return { effects: [effect(200, ', which the plan would not have: each of the newest 200 would be rejected, and nothing be counted')] };
  if (order?.schema?.required?.includes('coupon')) return { effects: [effect(171, ': of the newest 200, 171 would be rejected (missing: coupon)')] };
  return { effects: [] };
}
