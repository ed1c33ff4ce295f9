// The first lines of an app that sends events, by a client that it may have already. key is the write key of a source, server the address that clients reach.
export const clients: Record<string, (key: string, server: string) => string> = {
  curl: (key, server) => `curl ${server}/v1/events -H 'Authorization: Bearer ${key}' \\\n  -d '{"name": "signed_up", "user": "u1", "properties": {"plan": "free"}}'`,
  'Segment for Node': (key, server) => `import { Analytics } from '@segment/analytics-node'\nconst analytics = new Analytics({ writeKey: '${key}', host: '${server}' })\nanalytics.track({ userId: 'u1', event: 'signed_up', properties: { plan: 'free' } })\nawait analytics.closeAndFlush() // once, before the program ends`,
  'Segment for browsers': (key, server) => `import { AnalyticsBrowser } from '@segment/analytics-next'\nconst analytics = AnalyticsBrowser.load({ writeKey: '${key}', cdnURL: '${server}' })\nanalytics.track('signed_up', { plan: 'free' })`,
  'PostHog for Node': (key, server) => `import { PostHog } from 'posthog-node'\nconst events = new PostHog('${key}', { host: '${server}' })\nevents.capture({ distinctId: 'u1', event: 'signed_up', properties: { plan: 'free' } })\nawait events.shutdown() // once, before the program ends`,
  'PostHog for browsers': (key, server) => `import posthog from 'posthog-js'\nposthog.init('${key}', { api_host: '${server}' })\nposthog.capture('signed_up', { plan: 'free' })`,
};
