/** The period that all reports share, kept in the address: days back from today, or two dates. */
import { useMemo } from 'react';
import { useSearchParams } from 'wouter';
import { useSession } from '../session';
import type { Unit } from './types';

export const PRESETS = ['1', '7', '30', '90', '365'] as const;
export const DEFAULT_PERIOD = '30';

/** From `from` up to `to` (not included), and the same length just before it. Times are the workspace's own. */
export interface Period {
  key: string;
  days: number;
  from: string;
  to: string;
  before: { from: string; to: string };
}

const DAY = 86_400_000;
const isDate = (text: string) => /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));

/** Days are counted on a calendar without zones: no day there is shorter than another. */
const shift = (date: string, days: number) => new Date(Date.parse(date) + days * DAY).toISOString().slice(0, 10);

/** Now as the workspace's clock shows it: 2026-11-24T15:30:00. */
export function localNow(now: number, zone: string): string {
  const text = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' }).format(now);
  return text.replace(' ', 'T');
}

export function periodOf(key: string, now: string): Period {
  const [first = '', last = ''] = key.split('~');
  if (isDate(first) && isDate(last) && first <= last) {
    const days = Math.round((Date.parse(last) - Date.parse(first)) / DAY) + 1;
    return { key, days, from: first, to: shift(last, 1), before: { from: shift(first, -days), to: first } };
  }
  const kept = PRESETS.some((p) => p === key) ? key : DEFAULT_PERIOD;
  const days = Number(kept);
  const today = now.slice(0, 10);
  const from = shift(today, 1 - days);
  // Today is not over: what it is held against ends at the same time of its day.
  return { key: kept, days, from, to: shift(today, 1), before: { from: shift(from, -days), to: shift(today, -days) + now.slice(10) } };
}

/** Now in the workspace, by the minute. */
export function useLocalMinute(): string {
  const { workspace } = useSession();
  const now = Math.max(Date.now(), Date.parse(workspace.now));
  return localNow(Math.floor(now / 60_000) * 60_000, workspace.time_zone);
}

export function usePeriod(): Period {
  const [params] = useSearchParams();
  const key = params.get('period') ?? DEFAULT_PERIOD;
  const now = useLocalMinute();
  return useMemo(() => periodOf(key, now), [key, now]);
}

/** Units that give a line worth looking at, the best one first. */
export function unitsOf(days: number): [Unit, ...Unit[]] {
  if (days <= 2) return ['hour', 'day'];
  if (days <= 60) return days <= 14 ? ['day', 'hour', 'week'] : ['day', 'week', 'month'];
  return ['week', 'day', 'month'];
}
