// Visitors of a made-up shop, who are given the flag "cart" by Slipway and buy, or do not: node visitors.mjs FLAG_KEY WRITE_KEY [worse]
// With "worse", whoever is given the new cart orders half as often. No packages are needed; set SLIPWAY_URL to the server.
const [flagKey, writeKey, mood] = process.argv.slice(2);
const server = process.env.SLIPWAY_URL ?? 'http://127.0.0.1:7070';
const count = Number(process.env.VISITORS ?? 4000);

async function post(path, body, headers = {}) {
  const res = await fetch(server + path, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });
  if (!res.ok) throw new Error(`${path}: ${res.status} ${await res.text()}`);
  return res.json();
}

// One visitor asks for the flag, tells what was given, and perhaps orders.
async function visit(user) {
  const { features } = await post(`/api/eval/${flagKey}`, { attributes: { id: user } });
  const cart = features.cart ?? { defaultValue: false };
  const rule = cart.rules?.[0];
  const value = rule ? rule.force : cart.defaultValue;
  const events = (rule?.tracks ?? []).map(({ experiment, result }) => ({
    kind: 'exposure', name: 'cart', user, properties: { value, experiment: experiment.key, variation: result.key },
  }));
  if (events.length > 0) await tell(events);
  const buys = Math.random() < (value && mood === 'worse' ? 0.15 : 0.3);
  if (buys) await tell([{ name: 'order_completed', user, properties: { cart: value ? 'new' : 'old' } }]);
}

const tell = (events) => post('/v1/events', { events }, { authorization: `Bearer ${writeKey}` });

const run = Math.random().toString(36).slice(2);
for (let i = 0; i < count; i += 20) await Promise.all(Array.from({ length: 20 }, (_, j) => visit(`visitor-${run}-${i + j}`)));
console.log(`${count} visitors came`);
