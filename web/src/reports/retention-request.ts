/** What retention asks, from the texts in the address. */
import { breakdownOf } from './breakdown';
import { limitOf } from './limit';
import type { Period } from './period';
import { matchOf, ORDERS, stepFromText, stepText } from './step';
import type { Request } from './types';

export const RETENTION = { first: stepText(ORDERS), return: stepText(ORDERS), unit: '', by: '', segment: '', top: '' };
export type RetentionState = typeof RETENTION;
export const RETENTION_UNITS = ['day', 'week', 'month'] as const;
export const PERIODS = 12;

export const retentionUnit = (s: RetentionState, period: Period) =>
  RETENTION_UNITS.find((u) => u === s.unit) ?? (period.days <= 14 ? 'day' : period.days <= 90 ? 'week' : 'month');

/** An order belongs to no visit. */
export const retentionBy = (s: RetentionState) => (stepFromText(s.first).orders && s.by.startsWith('session:') ? '' : s.by);

export function retentionRequest(s: RetentionState, period: Period): Request {
  const breakdown = breakdownOf(retentionBy(s));
  return {
    first: matchOf(stepFromText(s.first)),
    return: matchOf(stepFromText(s.return)),
    unit: retentionUnit(s, period),
    periods: PERIODS,
    from: period.from,
    to: period.to,
    ...(breakdown ? { breakdown, limit: limitOf(s.top) } : {}),
    ...(s.segment ? { segment: s.segment } : {}),
  };
}
