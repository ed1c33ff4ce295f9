// GrowthBook's client on a server, as flags_node_test.go wants it: it says its values whenever they change, and takes attributes by the line.
import { createInterface } from 'node:readline';
import { GrowthBook, setPolyfills } from '@growthbook/growthbook';
import { EventSource } from 'eventsource';

setPolyfills({ EventSource });
const [apiHost, clientKey, options] = process.argv.slice(2);
const tracks = [];
const client = new GrowthBook({
  apiHost,
  clientKey,
  attributes: { id: 'u1', country: 'CA' },
  trackingCallback: (experiment, result) => tracks.push(`${experiment.key} ${result.key}`),
  ...JSON.parse(options),
});
const begun = await client.init({ streaming: true, timeout: 60000 });
let said = '';
const say = () => {
  const values = Object.fromEntries(['checkout', 'color', 'member'].map((name) => [name, client.getFeatureValue(name, 'nothing')]));
  const now = JSON.stringify({ source: begun.source, values, tracks });
  if (now !== said) console.log((said = now));
};
setInterval(say, 20);
for await (const line of createInterface(process.stdin)) await client.setAttributes(JSON.parse(line));
process.exit();
