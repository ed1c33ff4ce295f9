// The first lines of a client that asks for a flag. key is that of a client or of a server, server the address that they reach, flag a name to ask for.
import type { Key } from './types';

export interface Client {
  name: string;
  // For whose keys the lines are.
  kinds: Key['kind'][];
  lines: (key: Pick<Key, 'key' | 'remote' | 'encryption'>, server: string, flag: string) => string;
}

export const clients: Client[] = [
  {
    name: 'curl', kinds: ['server', 'client'],
    lines: (k, server, flag) => `curl ${server}/ofrep/v1/evaluate/flags/${encodeURIComponent(flag)} -H 'X-API-Key: ${k.key}' \\\n  -H 'Content-Type: application/json' -d '{"context": {"targetingKey": "u1", "country": "US"}}'`,
  },
  {
    name: 'GrowthBook JS', kinds: ['server', 'client'],
    lines: (k, server, flag) =>
      [
        `import { GrowthBook } from '@growthbook/growthbook'`,
        `const flags = new GrowthBook({`,
        `  apiHost: '${server}', clientKey: '${k.key}',`,
        ...(k.remote ? [`  remoteEval: true,`] : []),
        ...(k.encryption ? [`  decryptionKey: '${k.encryption}',`] : []),
        `  attributes: { id: 'u1', country: 'US' },`,
        `})`,
        `await flags.init({ streaming: true })`,
        `flags.isOn('${flag}')`,
      ].join('\n'),
  },
  {
    name: 'OpenFeature for browsers', kinds: ['client'],
    lines: (k, server, flag) =>
      [
        `import { OpenFeature } from '@openfeature/web-sdk'`,
        `import { OFREPWebProvider } from '@openfeature/ofrep-web-provider'`,
        `const provider = new OFREPWebProvider({ baseUrl: '${server}', headers: { 'X-API-Key': '${k.key}' } })`,
        `await OpenFeature.setProviderAndWait(provider, { targetingKey: 'u1', country: 'US' })`,
        `OpenFeature.getClient().getBooleanValue('${flag}', false)`,
      ].join('\n'),
  },
  {
    name: 'OpenFeature for Node', kinds: ['server', 'client'],
    lines: (k, server, flag) =>
      [
        `import { OpenFeature } from '@openfeature/server-sdk'`,
        `import { OFREPProvider } from '@openfeature/ofrep-provider'`,
        `await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: '${server}', headers: { 'X-API-Key': '${k.key}' } }))`,
        `await OpenFeature.getClient().getBooleanValue('${flag}', false, { targetingKey: 'u1', country: 'US' })`,
      ].join('\n'),
  },
  {
    name: 'waffle.js', kinds: ['client'],
    lines: (k, server, flag) => `<script src="${server}/wafflejs?key=${k.key}"></script>\n<script>\n  if (waffle.flag_is_active('${flag}')) { … }\n</script>`,
  },
  {
    name: 'GrowthBook by curl', kinds: ['server', 'client'],
    lines: (k, server) => (k.remote ? `curl ${server}/api/eval/${k.key} -H 'Content-Type: application/json' -d '{"attributes": {"id": "u1", "country": "US"}}'` : `curl ${server}/api/features/${k.key}`),
  },
];

export const clientsOf = (key: Key | undefined): Client[] => clients.filter((c) => !key || c.kinds.includes(key.kind));
