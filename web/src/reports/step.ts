/** A step of a funnel or of retention: an event with conditions on it, or an order. */
import type { Compare } from '../segments/tree';
import { filterList, filtersOf, whereText } from './filter';

export interface Step {
  event: string;
  orders: boolean;
  where: Compare[];
}

export const ORDERS: Step = { event: '', orders: true, where: [] };
export const eventStep = (event: string): Step => ({ event, orders: false, where: [] });

/** From a value of an address: a plain text is an event. */
export function stepOf(value: unknown): Step | undefined {
  if (typeof value === 'string') return eventStep(value);
  if (typeof value !== 'object' || value === null) return undefined;
  const { event, orders, where } = value as Record<string, unknown>;
  if (orders === true) return ORDERS;
  return { event: typeof event === 'string' ? event : '', orders: false, where: filtersOf(where) };
}

export function stepValue(step: Step): unknown {
  if (step.orders) return { orders: true };
  return step.where.length > 0 ? { event: step.event, where: filterList(step.where) } : step.event;
}

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not ours
  }
}

/** One step as a text of the address; the name of an event stands as it is. */
export const stepFromText = (text: string): Step => (text.startsWith('{') ? (stepOf(jsonOf(text)) ?? eventStep('')) : eventStep(text));
export function stepText(step: Step): string {
  const value = stepValue(step);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** As the API takes it. */
export function matchOf(step: Step): Record<string, unknown> {
  if (step.orders) return { orders: true };
  const where = whereText(step.where);
  return { ...(step.event ? { event: step.event } : {}), ...(where ? { where } : {}) };
}
