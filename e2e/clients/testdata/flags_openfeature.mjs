// OpenFeature on a server, by OFREP, as flags_node_test.go wants it: each line is a question, each answer another one.
import { createInterface } from 'node:readline';
import { OpenFeature } from '@openfeature/server-sdk';
import { OFREPProvider } from '@openfeature/ofrep-provider';

const [baseUrl, key] = process.argv.slice(2);
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl, headers: [['X-API-Key', key]] }));
const client = OpenFeature.getClient();
for await (const line of createInterface(process.stdin)) {
  const { type, flag, otherwise, context } = JSON.parse(line);
  console.log(JSON.stringify(await client[`get${type}Details`](flag, otherwise, context)));
}
process.exit();
