// What @rudderstack/rudder-sdk-node is told: see story in node_test.go. Arguments: address, write key, a time.
import Analytics from '@rudderstack/rudder-sdk-node';

const [dataPlaneUrl, writeKey, at] = process.argv.slice(2);
const analytics = new Analytics(writeKey, { dataPlaneUrl, retryCount: 8, errorHandler: failed });
function failed(why) {
  console.error(why);
  process.exitCode = 1;
}

// The client's own way to tell that a message is delivered.
const sent = [];
const say = (kind, message) => sent.push(new Promise((done) => analytics[kind](message, (why) => done(why && failed(why)))));
const timestamp = new Date(at);
say('identify', { userId: 'u1', traits: { plan: 'pro', name: 'Zoë 🎉' }, timestamp });
say('track', { userId: 'u1', event: 'Order Completed', properties: { total: 12.5, items: ['a', 'b'], empty: null }, timestamp });
say('page', { userId: 'u1', category: 'Docs', name: 'Pricing', properties: { url: 'https://shop.example/pricing' }, timestamp });
say('screen', { anonymousId: 'a1', name: 'Cart', properties: { dark: true }, timestamp });
say('group', { userId: 'u1', groupId: 'g1', traits: { seats: 3 }, timestamp });
say('alias', { userId: 'u1', previousId: 'a1', timestamp });
for (let n = 0; n < 50; n++) say('track', { anonymousId: 'a1', event: 'burst', properties: { n } });
// A flush sends one batch.
while (analytics.queue.length > 0) await analytics.flush();
await Promise.all(sent);
