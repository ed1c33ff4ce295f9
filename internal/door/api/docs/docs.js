// Makes the page from /openapi.json. Text goes in as text, never as HTML.
"use strict";

const methods = ["get", "post", "put", "patch", "delete"];

function el(name, attrs = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attrs)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// resolve follows a $ref into the components.
function resolve(spec, schema) {
  const name = schema?.$ref?.split("/").pop();
  return name ? spec.components.schemas[name] : schema ?? {};
}

function typeName(spec, schema) {
  if (schema?.$ref) return schema.$ref.split("/").pop();
  const s = schema ?? {};
  if (s.enum) return s.enum.map((v) => JSON.stringify(v)).join(" | ");
  const types = Array.isArray(s.type) ? s.type : [s.type ?? "any"];
  return types.map((t) => {
    if (t === "array") return `list of ${typeName(spec, s.items)}`;
    if (t === "object" && typeof s.additionalProperties === "object") return `map of ${typeName(spec, s.additionalProperties)}`;
    return s.format && t !== "null" ? `${t} (${s.format})` : t;
  }).join(" or ");
}

// partOf gives the schema of what is inside a field: of a list's items, of a map's values, of an object itself.
function partOf(item) {
  if (item.items) return item.items;
  return typeof item.additionalProperties === "object" ? item.additionalProperties : item;
}

// rows lists the fields of a schema, those of nested objects indented, each schema once.
function rows(spec, schema, depth = 0, seen = new Set()) {
  const whole = resolve(spec, schema);
  if (seen.has(whole) || depth > 5) return [];
  const inside = new Set(seen).add(whole);
  const out = [];
  for (const [name, field] of Object.entries(whole.properties ?? {})) {
    const label = el("td", { class: "deep" }, el("code", {}, name));
    const required = whole.required?.includes(name) ? "" : " (optional)";
    const row = el("tr", {}, label, el("td", {}, typeName(spec, field) + required), el("td", { class: "dim" }, resolve(spec, field).description ?? field.description ?? ""));
    row.style.setProperty("--depth", depth);
    out.push(row);
    const item = resolve(spec, field);
    out.push(...rows(spec, partOf(item), depth + 1, inside));
  }
  return out;
}

function fields(spec, schema) {
  const list = rows(spec, resolve(spec, schema));
  if (list.length === 0) return el("p", { class: "dim" }, typeName(spec, schema));
  return el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "Field"), el("th", {}, "Type"), el("th", {}, "Meaning"))), el("tbody", {}, ...list));
}

function parameters(spec, list) {
  const lines = list.map((p) => el("tr", {}, el("td", {}, el("code", {}, p.name)), el("td", {}, `${p.in}, ${typeName(spec, p.schema)}${p.required ? "" : " (optional)"}`), el("td", { class: "dim" }, p.description ?? "")));
  return el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "Parameter"), el("th", {}, "Where"), el("th", {}, "Meaning"))), el("tbody", {}, ...lines));
}

function operation(spec, path, method, op) {
  const node = el("article", { id: op.operationId },
    el("h3", {}, op.summary ?? op.operationId),
    el("p", {}, el("span", { class: "method" }, method.toUpperCase()), el("span", { class: "path" }, path)));
  if (op.parameters?.length) node.append(parameters(spec, op.parameters));
  const body = op.requestBody?.content?.["application/json"]?.schema;
  if (body) node.append(el("h4", {}, "Body"), fields(spec, body));
  for (const [status, answer] of Object.entries(op.responses ?? {})) {
    if (!status.startsWith("2")) continue;
    const schema = answer.content?.["application/json"]?.schema;
    node.append(el("h4", {}, `Answer ${status}`), schema ? fields(spec, schema) : el("p", { class: "dim" }, answer.description ?? "no body"));
  }
  const failures = Object.keys(op.responses ?? {}).filter((status) => /^[45]/.test(status));
  if (failures.length) node.append(el("p", { class: "dim" }, `Problems (application/problem+json): ${failures.join(", ")}`));
  return node;
}

function build(spec) {
  const index = document.getElementById("index");
  const main = document.getElementById("operations");
  main.replaceChildren(el("p", {}, spec.info.description ?? ""));
  const groups = new Map();
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const method of methods.filter((m) => item[m])) {
      const group = item[method].tags?.[0] ?? "other";
      groups.set(group, [...(groups.get(group) ?? []), [path, method, item[method]]]);
    }
  }
  const entries = [];
  for (const group of [...groups.keys()].sort()) {
    const title = el("h2", {}, group);
    index.append(title);
    for (const [path, method, op] of groups.get(group)) {
      const link = el("a", { href: `#${op.operationId}` }, op.summary ?? path);
      const article = operation(spec, path, method, op);
      index.append(link);
      main.append(article);
      entries.push({ title, link, article, text: `${group} ${method} ${path} ${article.textContent}`.toLowerCase() });
    }
  }
  return entries;
}

// filter shows what holds every word of the search.
function filter(entries, query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = new Set();
  for (const e of entries) {
    const hit = words.every((word) => e.text.includes(word));
    e.link.hidden = e.article.hidden = !hit;
    if (hit) shown.add(e.title);
  }
  for (const e of entries) e.title.hidden = !shown.has(e.title);
}

async function start() {
  const answer = await fetch("/openapi.json");
  if (!answer.ok) throw new Error(`/openapi.json answered ${answer.status}`);
  const entries = build(await answer.json());
  const search = document.getElementById("search");
  search.addEventListener("input", () => filter(entries, search.value));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

start().catch((error) => { document.getElementById("state").textContent = `The description could not be read: ${error.message}`; });
