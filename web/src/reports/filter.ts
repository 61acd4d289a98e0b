/** Conditions on an event, as the builder shows them, in addresses and as the API's `where`. */
import { VALUE_OPS } from '../segments/condition';
import type { Compare, Literal } from '../segments/tree';

const FILTERS_MAX = 10;
const SIGNS: Record<string, string> = { equals: '=', differs: '!=', greater_than: '>', at_least: '>=', less_than: '<', at_most: '<=' };

const isLiteral = (x: unknown): x is Literal => typeof x === 'string' || typeof x === 'number' || typeof x === 'boolean';

/** In an address, where anybody may have written it: [path, comparison, value or values]. */
export function filtersOf(list: unknown): Compare[] {
  if (!Array.isArray(list)) return [];
  return list.slice(0, FILTERS_MAX).flatMap((item: unknown): Compare[] => {
    if (!Array.isArray(item)) return [];
    const [path, op, value] = item as unknown[];
    if (typeof path !== 'string' || typeof op !== 'string' || !VALUE_OPS.includes(op)) return [];
    const left = { property: path.split('.') };
    if (Array.isArray(value)) return [{ left, op, values: value.filter(isLiteral) }];
    return [isLiteral(value) ? { left, op, value } : { left, op }];
  });
}

const pathOf = (c: Compare) => (c.left.property ?? []).join('.');

export const filterList = (filters: Compare[]): unknown[] => filters.map((c) => [pathOf(c), c.op, c.values ?? c.value ?? null]);

const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const literal = (value: Literal) => (typeof value === 'string' ? quoted(value) : String(value));

function textOf(c: Compare): string | undefined {
  const left = `property(${quoted(pathOf(c))})`;
  if (pathOf(c) === '') return undefined;
  if (c.op === 'exists' || c.op === 'absent') return `${left}.${c.op}()`;
  if (c.values) return c.values.length > 0 ? `${left}.${c.op}(${c.values.map(literal).join(', ')})` : undefined;
  const sign = SIGNS[c.op];
  return sign && c.value !== undefined && c.value !== '' ? `${left} ${sign} ${literal(c.value)}` : undefined;
}

/** What is not filled in yet does not count. */
export function whereText(filters: Compare[]): string | undefined {
  return filters.map(textOf).filter((t) => t !== undefined).join(' AND ') || undefined;
}
