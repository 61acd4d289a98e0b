/** What a line chart asks, from the texts in the address. */
import { breakdownOf } from './breakdown';
import { filtersOf, whereText } from './filter';
import { limitOf } from './limit';
import type { Period } from './period';
import { unitsOf } from './period';
import { jsonOf } from './step';
import type { Request } from './types';

/** `of`: events, or orders as order() sees them. `unit` empty: the one that suits the period. */
export const SERIES = { of: 'events', event: '', where: '', measure: 'events', property: '', unit: '', by: '', segment: '', top: '' };
export type SeriesState = typeof SERIES;

export const isMoney = (s: SeriesState) => s.of === 'orders' && (s.measure === 'sum' || s.measure === 'average');
/** Amounts of different currencies are never added up. */
export const breakdownText = (s: SeriesState) => (isMoney(s) ? 'property:currency' : s.of === 'orders' && s.by.startsWith('session:') ? '' : s.by);
export const unitOf = (s: SeriesState, period: Period) => unitsOf(period.days).find((u) => u === s.unit) ?? unitsOf(period.days)[0];

/** undefined: something is still to be filled in. */
export function seriesRequest(s: SeriesState, period: Period): Request | undefined {
  const sums = s.measure === 'sum' || s.measure === 'average';
  const property = s.of === 'orders' ? 'value' : s.property;
  if (sums && !property) return undefined;
  const where = whereText(filtersOf(jsonOf(s.where)));
  return {
    ...(s.of === 'orders' ? { orders: true } : s.event ? { event: s.event } : {}),
    ...(where && s.of !== 'orders' ? { where } : {}),
    measure: s.measure,
    ...(sums ? { property } : {}),
    unit: unitOf(s, period),
    from: period.from,
    to: period.to,
    ...(breakdownText(s) ? { breakdown: breakdownOf(breakdownText(s)), limit: limitOf(s.top) } : {}),
    ...(s.segment ? { segment: s.segment } : {}),
  };
}
