// Saved questions of the made-up shop.
const kept = (id, name, kind, question, by, age, world) => ({ id, name, kind, question, saved_at: world.iso(age * 3), saved_by: by, changed_at: world.iso(age), changed_by: by });

function all(world) {
  world.savedQuestions ??= world.empty ? [] : [
    kept('qst_1', 'Busiest pages of the week', 'sql', { sql: 'SELECT name, count(*) FROM events GROUP BY 1' }, 'person:ana', 7200, world),
    kept('qst_2', 'From pricing to an order', 'funnel', { last: '30d', environment: 'production', steps: [{ event: 'Pricing' }, { event: 'order placed' }], within_seconds: 86_400 }, 'person:bo', 90_000, world),
    kept('qst_3', 'Orders by plan', 'trend', { last: '30d', environment: 'production', zone: 'UTC', event: 'order placed', measure: 'events', interval: 'day', split: 'plan' }, 'person:ana', 400_000, world),
    kept('qst_4', 'Revenue a week', 'trend', { last: '90d', environment: 'production', zone: 'UTC', event: 'order placed', measure: 'sum', of: 'price', interval: 'week' }, 'person:chen', 500_000, world),
    kept('qst_5', 'Who stays', 'retention', { last: '90d', environment: 'production', zone: 'UTC', first: { event: 'signed up' }, back: {}, interval: 'week' }, 'person:bo', 4_000_000, world),
  ];
  return world.savedQuestions;
}

const find = (world, id) => all(world).find((q) => q.id === id);
const now = () => new Date().toISOString();

function put(world, id, b) {
  if (all(world).some((q) => q.name === b.name && q.id !== id)) return { refused: [409, `shop has a saved question named "${b.name}" already; choose another name`, [{ field: 'body.name', message: 'choose another name' }]] };
  const q = find(world, id);
  return Object.assign(q, { name: b.name ?? q.name, kind: b.kind ?? q.kind, question: b.question ?? q.question, changed_at: now(), changed_by: 'person:ana' });
}

function make(world, b) {
  const id = `qst_${all(world).length + 1}`;
  all(world).push({ id, name: '', kind: 'sql', question: {}, saved_at: now(), saved_by: 'person:ana', changed_at: now(), changed_by: 'person:ana' });
  const made = put(world, id, b);
  if (made.refused) all(world).pop();
  return made;
}

export const saved = (ask) => [
  ['POST', /^apps\/shop\/events\/sql\/parquet$/, () => ({ parquet: true })],
  ['GET', /^apps\/shop\/events\/saved$/, (c) => ({ items: [...all(c.world)].sort((a, b) => (a.name < b.name ? -1 : 1)) })],
  ['POST', /^apps\/shop\/events\/saved$/, (c, q, _, __, b) => make(c.world, b)],
  ['GET', /^apps\/shop\/events\/saved\/(\w+)$/, (c, q, id) => find(c.world, id)],
  ['PUT', /^apps\/shop\/events\/saved\/(\w+)$/, (c, q, id, _, b) => put(c.world, id, b)],
  ['DELETE', /^apps\/shop\/events\/saved\/(\w+)$/, (c, q, id) => void c.world.savedQuestions.splice(all(c.world).indexOf(find(c.world, id)), 1)],
  ['POST', /^apps\/shop\/events\/saved\/(\w+)\/ask$/, (c, q, id) => ask(c.world, find(c.world, id).kind, { from: c.world.iso(86_400), to: c.world.iso(0), limit: 10, ...find(c.world, id).question })],
];
