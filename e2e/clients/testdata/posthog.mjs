// What posthog-node is told: see story in node_test.go. Arguments: address, key, a time.
import { PostHog } from 'posthog-node';

const [host, key, at] = process.argv.slice(2);
const posthog = new PostHog(key, { host, fetchRetryCount: 8, fetchRetryDelay: 500 });
posthog.on('error', (why) => {
  console.error(why);
  process.exitCode = 1;
});
const timestamp = new Date(at);
posthog.identify({ distinctId: 'u1', properties: { plan: 'pro', name: 'Zoë 🎉' } });
posthog.capture({ distinctId: 'u1', event: 'Order Completed', properties: { total: 12.5, items: ['a', 'b'], empty: null }, timestamp });
posthog.capture({ distinctId: 'u1', event: '$pageview', properties: { title: 'Pricing', $current_url: 'https://shop.example/pricing' }, timestamp });
posthog.capture({ distinctId: 'u1', event: '$feature_flag_called', properties: { $feature_flag: 'cart', $feature_flag_response: 'short' }, timestamp });
posthog.groupIdentify({ groupType: 'company', groupKey: 'g1', properties: { seats: 3 }, distinctId: 'u1' });
posthog.alias({ distinctId: 'u1', alias: 'a1' });
for (let n = 0; n < 50; n++) posthog.capture({ distinctId: 'a1', event: 'burst', properties: { n } });
// A flag that nobody has: the app goes on without, and that it was asked for is told.
const flag = await posthog.getFeatureFlag('nobodys', 'u1');
if (flag) {
  console.error('the flag is', flag);
  process.exitCode = 1;
}
await posthog.shutdown(60000);
