/** What a funnel asks, from the texts in the address. */
import { breakdownOf } from './breakdown';
import { limitOf } from './limit';
import type { Period } from './period';
import { jsonOf, matchOf, ORDERS, stepOf, stepValue, type Step } from './step';
import type { Request } from './types';

export const FUNNEL = { steps: JSON.stringify(['Product Viewed', 'Product Added', 'Checkout Started', stepValue(ORDERS)]), within: '7 days', by: '', segment: '', top: '' };
export type FunnelState = typeof FUNNEL;
export const STEPS_MAX = 10;

export function stepsOf(text: string): Step[] {
  const list = jsonOf(text);
  return Array.isArray(list) ? list.slice(0, STEPS_MAX).flatMap((value) => stepOf(value) ?? []) : [];
}

export const stepsText = (steps: Step[]) => JSON.stringify(steps.map(stepValue));

/** Steps that say what they are. */
export const namedSteps = (text: string) => stepsOf(text).filter((s) => s.orders || s.event.trim());

/** An order belongs to no visit. */
export const funnelBy = (s: FunnelState) => (stepsOf(s.steps)[0]?.orders && s.by.startsWith('session:') ? '' : s.by);

/** undefined: there is no step yet. */
export function funnelRequest(s: FunnelState, period: Period): Request | undefined {
  const steps = namedSteps(s.steps);
  const breakdown = breakdownOf(funnelBy(s));
  if (steps.length === 0) return undefined;
  return {
    steps: steps.map(matchOf),
    within: s.within,
    from: period.from,
    to: period.to,
    ...(breakdown ? { breakdown, limit: limitOf(s.top) } : {}),
    ...(s.segment ? { segment: s.segment } : {}),
  };
}
