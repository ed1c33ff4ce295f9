import { condition as conditionWords } from '../words/flags';
import { count } from '../words/number';

// The forms that a group of visitors has: a plain list of ids, a list of one attribute's values, or a condition.
export type Form = 'ids' | 'list' | 'condition';

interface Definition {
  type?: string;
  attributeKey?: string;
  values?: unknown[];
  condition?: unknown;
}

export function formOf(definition: unknown): Form {
  if (Array.isArray(definition)) return 'ids';
  return (definition as Definition | null)?.type === 'condition' ? 'condition' : 'list';
}

export const valuesOf = (definition: unknown): unknown[] => (Array.isArray(definition) ? definition : ((definition as Definition | null)?.values ?? []));
export const attributeOf = (definition: unknown): string => (Array.isArray(definition) ? '' : ((definition as Definition | null)?.attributeKey ?? ''));
export const conditionOf = (definition: unknown): unknown => (Array.isArray(definition) ? undefined : (definition as Definition | null)?.condition);

// numbers tells whether a list is one of numbers: "5" is not 5.
export const numbers = (values: unknown[]): boolean => values.length > 0 && values.every((v) => typeof v === 'number');

export function groupWords(definition: unknown): string {
  if (formOf(definition) === 'condition') return `Whoever fits: ${conditionWords(conditionOf(definition))}`;
  const values = valuesOf(definition);
  const some = values.slice(0, 5).map(String).join(', ');
  const whose = formOf(definition) === 'list' && attributeOf(definition) ? ` of ${attributeOf(definition)}` : '';
  return values.length === 0 ? 'Nobody yet' : `${count(values.length)} ${values.length === 1 ? 'value' : 'values'}${whose}: ${some}${values.length > 5 ? ', …' : ''}`;
}
