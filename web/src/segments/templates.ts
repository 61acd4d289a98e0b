/** The usual audiences, ready to be saved or changed. */
import type { Node } from './tree';

const did = (event: string, days: number, op = 'at_least', value = 1): Node => ({
  left: { event, window: { within: { count: days, unit: 'day' } }, reduce: { fn: 'count' } },
  op,
  value,
});
const ordered = (days: number, op: string, value: number): Node => ({
  left: { order: true, window: { within: { count: days, unit: 'day' } }, reduce: { fn: 'count' } },
  op,
  value,
});
const orderedEver = (op: string, value: number): Node => ({ left: { order: true, reduce: { fn: 'count' } }, op, value });
const granted = (purpose: string): Node => ({ left: { consent: purpose }, op: 'equals', value: 'granted' });

export const TEMPLATES: { id: string; tree: Node }[] = [
  { id: 'cart', tree: { and: [did('Product Added', 3), ordered(3, 'equals', 0)] } },
  { id: 'winback', tree: { and: [orderedEver('at_least', 1), ordered(180, 'equals', 0)] } },
  { id: 'highValue', tree: { left: { order: true, window: { within: { count: 365, unit: 'day' } }, reduce: { fn: 'sum', property: ['value'] } }, op: 'at_least', value: 500 } },
  { id: 'newsletterNoOrder', tree: { and: [granted('marketing_email'), orderedEver('equals', 0)] } },
  { id: 'loyal', tree: ordered(365, 'at_least', 3) },
  { id: 'firstOrder', tree: { and: [orderedEver('equals', 1), ordered(30, 'at_least', 1)] } },
  { id: 'window', tree: { and: [did('Product Viewed', 14, 'at_least', 3), orderedEver('equals', 0)] } },
  { id: 'active', tree: did('Page Viewed', 7) },
];
