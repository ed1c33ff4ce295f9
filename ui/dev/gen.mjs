import { readFile, writeFile } from 'node:fs/promises';

// Writes the types of the API's schemas: node dev/gen.mjs <address or file of openapi.json> [--check]
const [source, check] = process.argv.slice(2);
if (!source) {
  console.error('Say where openapi.json is: npm run gen -- http://127.0.0.1:7070/openapi.json');
  process.exit(2);
}
const text = /^https?:/.test(source) ? await (await fetch(source)).text() : await readFile(source, 'utf8');
const schemas = JSON.parse(text).components?.schemas ?? {};

const name = (ref) => ref.split('/').pop().replace(/[^A-Za-z0-9_]/g, '_');
const key = (k) => (/^[A-Za-z_]\w*$/.test(k) ? k : JSON.stringify(k));

function type(s, depth) {
  if (s === undefined || s === true) return 'unknown';
  if (s.$ref) return name(s.$ref);
  if (s.enum) return s.enum.map((v) => JSON.stringify(v)).join(' | ');
  if (s.const !== undefined) return JSON.stringify(s.const);
  const options = s.oneOf ?? s.anyOf;
  if (options) return options.map((o) => type(o, depth)).join(' | ');
  if (s.allOf) return s.allOf.map((o) => type(o, depth)).join(' & ');
  const kinds = [s.type ?? (s.properties ? 'object' : undefined)].flat();
  return kinds.map((kind) => one(kind, s, depth)).join(' | ');
}

function one(kind, s, depth) {
  switch (kind) {
    case 'string':
    case 'boolean':
    case 'null':
      return kind;
    case 'integer':
    case 'number':
      return 'number';
    case 'array': {
      const item = type(s.items, depth);
      return /^\w+$/.test(item) ? `${item}[]` : `(${item})[]`;
    }
    case 'object':
      if (s.properties) return object(s, depth);
      return s.additionalProperties && s.additionalProperties !== true ? `Record<string, ${type(s.additionalProperties, depth)}>` : 'Record<string, unknown>';
    default:
      return 'unknown';
  }
}

function object(s, depth) {
  const pad = '  '.repeat(depth + 1);
  const required = new Set(s.required ?? []);
  const lines = Object.keys(s.properties)
    .filter((k) => k !== '$schema')
    .map((k) => `${pad}${key(k)}${required.has(k) ? '' : '?'}: ${type(s.properties[k], depth + 1)};`);
  return `{\n${lines.join('\n')}\n${'  '.repeat(depth)}}`;
}

const out = ['// Made by `npm run gen` from /openapi.json. Do not edit.'];
for (const k of Object.keys(schemas).sort()) {
  const s = schemas[k];
  out.push(s.properties ? `export interface ${name(k)} ${object(s, 0)}` : `export type ${name(k)} = ${type(s, 0)};`);
}
const file = new URL('../src/api/schema.ts', import.meta.url);
const fresh = out.join('\n\n') + '\n';
if (check === '--check') {
  const kept = await readFile(file, 'utf8').catch(() => '');
  if (kept !== fresh) {
    console.error('src/api/schema.ts is not what /openapi.json says: run npm run gen.');
    process.exit(1);
  }
} else {
  await writeFile(file, fresh);
}
