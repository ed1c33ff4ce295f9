// Numbers as people read them. The locale is fixed: the page's words are English.
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export const count = (n: number): string => whole.format(n);

// plural is "1 unit", "2,000 units".
export const plural = (n: number, one: string, many = one + 's'): string => `${count(n)} ${n === 1 ? one : many}`;

// percent takes a share from 0 to 1 and keeps two or three digits that matter: "0.04 %", "3.1 %", "42 %".
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return '–';
  const p = share * 100;
  if (p === 0) return '0 %';
  if (p < 0.01) return '< 0.01 %';
  return trim(p, p < 1 ? 2 : p < 10 ? 1 : p < 99.5 || p >= 100 ? 0 : 1) + ' %';
}

// partOf is n of so many as percent(), but 100 % is all of them, and nothing less.
export function partOf(n: number, all: number): string {
  const text = percent(n / all);
  return text === '100 %' && n < all ? '> 99.9 %' : text;
}

// times is "0.9 ×", "12 ×".
export function times(ratio: number | null | undefined): string {
  if (ratio === null || ratio === undefined || !Number.isFinite(ratio)) return '–';
  return trim(ratio, ratio < 10 ? (ratio < 0.4 ? 2 : 1) : 0) + ' ×';
}

// measured is what a vital's rates are in: a share, or what hosts use on average.
export function measured(unit: string): (n: number | null | undefined) => string {
  const said = (say: (n: number) => string) => (n: number | null | undefined) => (n === null || n === undefined || !Number.isFinite(n) ? '–' : say(n));
  if (unit === 'bytes') return said(bytes);
  if (unit === 'cores') return said((n) => `${trim(n, n < 0.1 ? 3 : 2)} cores`);
  if (unit === 'load') return said((n) => trim(n, 2));
  if (unit === 'errors') return said((n) => `${trim(n, 1)} each`);
  return percent;
}

// harm names a ratio of what is bad when it rises, "A doubling", "A rise to 1.5 ×", or when it drops: "A halving".
export function harm(ratio: number, bad = 'rise'): string {
  if (bad === 'drop') return ratio === 2 ? 'A halving' : `A drop to ${times(1 / ratio)}`;
  return ratio === 2 ? 'A doubling' : ratio === 3 ? 'A tripling' : `A rise to ${times(ratio)}`;
}

function trim(n: number, digits: number): string {
  return n.toLocaleString('en', { minimumFractionDigits: 0, maximumFractionDigits: digits });
}

// power writes 10 to the x as people say it: "1", "4,000", "2 million", "1 billion", "over 1,000 trillion".
export function power(x: number): string {
  if (!Number.isFinite(x)) return '–';
  if (x > 15) return 'over 1,000 trillion';
  const n = 10 ** x;
  for (const [least, name] of big) if (n >= least * 0.9995) return trim(Number((n / least).toPrecision(2)), 1) + name;
  if (n >= 100) return count(Number(n.toPrecision(2)));
  if (n >= 0.1) return trim(Number(n.toPrecision(2)), 2);
  return '0.1 or less';
}

const big: [number, string][] = [
  [1e12, ' trillion'],
  [1e9, ' billion'],
  [1e6, ' million'],
];

// rough is an estimate with the two digits that matter: "1,900", "48".
export const rough = (n: number): string => count(Math.abs(n) < 100 ? n : Number(n.toPrecision(2)));

const digits = '⁰¹²³⁴⁵⁶⁷⁸⁹';

export const superscript = (n: number): string =>
  String(n)
    .split('')
    .map((c) => (c === '-' ? '⁻' : (digits[Number(c)] ?? c)))
    .join('');

export function bytes(n: number): string {
  if (n < 1000) return n + ' B';
  const units = ['kB', 'MB', 'GB', 'TB'];
  let i = -1;
  do {
    n /= 1000;
    i++;
  } while (n >= 999.5 && i < units.length - 1);
  return trim(n, n < 10 ? 1 : 0) + ' ' + units[i];
}

export const short = (sha: string): string => sha.slice(0, 7);
