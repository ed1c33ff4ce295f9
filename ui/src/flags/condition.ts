// Conditions as rows of fields, and back. Only a condition that comes back as it was is shown as rows; any other one is edited as JSON.

export type RowKind = 'text' | 'number' | 'truth';

export interface Row {
  attribute: string;
  is: string;
  value: string;
  kind: RowKind;
}

export interface Operator {
  is: string;
  text: string;
  // Without a value; with several, between commas; of any kind of value, or text alone.
  bare?: boolean;
  list?: boolean;
  typed?: boolean;
  group?: boolean;
}

export const operators: Operator[] = [
  { is: '$eq', text: 'is', typed: true },
  { is: '$ne', text: 'is not', typed: true },
  { is: '$in', text: 'is one of', list: true, typed: true },
  { is: '$nin', text: 'is none of', list: true, typed: true },
  { is: '$ini', text: 'is one of (any case)', list: true },
  { is: '$nini', text: 'is none of (any case)', list: true },
  { is: '$gt', text: 'is more than', typed: true },
  { is: '$gte', text: 'is at least', typed: true },
  { is: '$lt', text: 'is less than', typed: true },
  { is: '$lte', text: 'is at most', typed: true },
  { is: '$regex', text: 'matches' },
  { is: '$regexi', text: 'matches (any case)' },
  { is: '$vgte', text: 'is at least version' },
  { is: '$vgt', text: 'is later than version' },
  { is: '$vlt', text: 'is before version' },
  { is: '$vlte', text: 'is at most version' },
  { is: '$veq', text: 'is version' },
  { is: 'exists', text: 'is there', bare: true },
  { is: 'missing', text: 'is missing', bare: true },
  { is: '$inGroup', text: 'is in the group', group: true },
  { is: '$notInGroup', text: 'is not in the group', group: true },
];

// A row with this attribute is about the visitor as a whole: whether a group has them.
export const savedGroup = '$savedGroup';

export const operator = (is: string): Operator | undefined => operators.find((o) => o.is === is);

const plain = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);

const kindOf = (v: unknown): RowKind | undefined => (typeof v === 'string' ? 'text' : typeof v === 'number' ? 'number' : typeof v === 'boolean' ? 'truth' : undefined);

// rowsOf gives a condition as rows; undefined where it cannot be said so.
export function rowsOf(condition: unknown): Row[] | undefined {
  if (condition === undefined) return [];
  const rows = read(condition);
  if (!rows) return undefined;
  return JSON.stringify(conditionOf(rows).value) === JSON.stringify(condition) ? rows : undefined;
}

function read(condition: unknown): Row[] | undefined {
  if (!plain(condition)) return undefined;
  const rows: Row[] = [];
  for (const [name, test] of Object.entries(condition)) {
    if (name === '$and' && Array.isArray(test)) {
      for (const one of test) {
        const more = read(one);
        if (!more) return undefined;
        rows.push(...more);
      }
    } else if (name === savedGroup && plain(test) && typeof test['id'] === 'string') {
      rows.push({ attribute: savedGroup, is: '$inGroup', value: test['id'], kind: 'text' });
    } else if (name.startsWith('$')) return undefined;
    else if (plain(test)) {
      for (const [is, value] of Object.entries(test)) {
        const row = readTest(name, is, value);
        if (!row) return undefined;
        rows.push(row);
      }
    } else {
      const row = readTest(name, '$eq', test);
      if (!row) return undefined;
      rows.push(row);
    }
  }
  return rows;
}

function readTest(attribute: string, is: string, value: unknown): Row | undefined {
  if (is === '$exists' && typeof value === 'boolean') return { attribute, is: value ? 'exists' : 'missing', value: '', kind: 'text' };
  const known = operator(is);
  if (!known) return undefined;
  if (known.list) {
    if (!Array.isArray(value)) return undefined;
    const kind = value.length === 0 ? 'text' : kindOf(value[0]);
    return kind && { attribute, is, value: value.map(String).join(', '), kind };
  }
  const kind = kindOf(value);
  return kind && { attribute, is, value: String(value), kind };
}

// conditionOf makes rows a condition, and says of each row that is none yet what is missing.
export function conditionOf(rows: Row[]): { value: Record<string, unknown> | undefined; faults: string[] } {
  const out: Record<string, unknown> = {};
  const and: unknown[] = [];
  const faults: string[] = [];
  rows.forEach((row, i) => {
    const test = testOf(row);
    if ('fault' in test) return void (faults[i] = test.fault);
    if (row.attribute === savedGroup) {
      if (savedGroup in out) and.push({ [savedGroup]: { id: row.value } });
      else out[savedGroup] = { id: row.value };
      return;
    }
    const there = out[row.attribute];
    if (there === undefined) out[row.attribute] = row.is === '$eq' ? test.value : { [test.is]: test.value };
    else if (plain(there) && row.is !== '$eq' && !(test.is in there)) there[test.is] = test.value;
    else and.push({ [row.attribute]: row.is === '$eq' ? test.value : { [test.is]: test.value } });
  });
  if (and.length > 0) out['$and'] = and;
  return { value: Object.keys(out).length === 0 ? undefined : out, faults };
}

function testOf(row: Row): { is: string; value: unknown } | { fault: string } {
  if (row.attribute.trim() === '') return { fault: 'Name the attribute that is asked for.' };
  if (row.is === 'exists' || row.is === 'missing') return { is: '$exists', value: row.is === 'exists' };
  const known = operator(row.is);
  if (known?.group && row.value.trim() === '') return { fault: 'Choose a group.' };
  const kind = known?.typed ? row.kind : 'text';
  if (!known?.list) return scalar(row.value, kind, row.is);
  const values = row.value.split(',').map((v) => v.trim()).filter(Boolean);
  if (values.length === 0) return { fault: 'Write one value, or several with commas between.' };
  const read = values.map((v) => scalar(v, kind, row.is));
  const wrong = read.find((r) => 'fault' in r);
  return wrong ?? { is: row.is, value: read.map((r) => (r as { value: unknown }).value) };
}

function scalar(text: string, kind: RowKind, is: string): { is: string; value: unknown } | { fault: string } {
  if (kind === 'number') {
    const n = Number(text);
    return text.trim() === '' || !Number.isFinite(n) ? { fault: `“${text}” is no number, such as 12.5.` } : { is, value: n };
  }
  if (kind === 'truth') {
    const t = text.trim().toLowerCase();
    return t === 'true' || t === 'false' ? { is, value: t === 'true' } : { fault: 'Write true or false.' };
  }
  if (text === '' && is !== '$eq' && is !== '$ne') return { fault: 'Write a value.' };
  return { is, value: text };
}
