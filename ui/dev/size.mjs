import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

// Fails when the page's JavaScript is over its budget.
const limit = 150_000;
const folder = new URL('../dist/assets/', import.meta.url);
const index = readFileSync(new URL('../dist/index.html', import.meta.url), 'utf8');
let scripts = 0;
for (const name of readdirSync(folder).filter((n) => index.includes(n))) {
  const size = gzipSync(readFileSync(new URL(name, folder)), { level: 9 }).length;
  if (name.endsWith('.js')) scripts += size;
  console.log(`${name.padEnd(32)} ${(size / 1000).toFixed(1)} kB gzipped`);
}
if (scripts > limit) {
  console.error(`JavaScript is ${scripts} bytes gzipped, over the budget of ${limit}.`);
  process.exit(1);
}
