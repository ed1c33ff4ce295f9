// What @segment/analytics-node is told: see story in node_test.go. Arguments: address, write key, a time.
import { Analytics } from '@segment/analytics-node';

const [host, writeKey, at] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host });
analytics.on('error', (why) => {
  console.error(why);
  process.exitCode = 1;
});
const timestamp = new Date(at);
analytics.identify({ userId: 'u1', traits: { plan: 'pro', name: 'Zoë 🎉' }, timestamp });
analytics.track({ userId: 'u1', event: 'Order Completed', properties: { total: 12.5, items: ['a', 'b'], empty: null }, timestamp });
analytics.page({ userId: 'u1', category: 'Docs', name: 'Pricing', properties: { url: 'https://shop.example/pricing' }, timestamp });
analytics.screen({ anonymousId: 'a1', name: 'Cart', properties: { dark: true }, timestamp });
analytics.group({ userId: 'u1', groupId: 'g1', traits: { seats: 3 }, timestamp });
analytics.alias({ userId: 'u1', previousId: 'a1', timestamp });
for (let n = 0; n < 50; n++) analytics.track({ anonymousId: 'a1', event: 'burst', properties: { n } });
await analytics.closeAndFlush();
