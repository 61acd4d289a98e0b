/** A day of the workspace's zone as moments. */
import { localNow } from '../reports/period';

/** Midnight at the beginning of a date, in UTC. */
export function midnight(date: string, zone: string): number {
  const wanted = Date.parse(`${date}T00:00:00Z`);
  let at = wanted;
  for (let i = 0; i < 2; i++) at -= Date.parse(`${localNow(at, zone)}Z`) - wanted;
  return at;
}

const isDate = (text: string) => /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
const next = (date: string) => new Date(Date.parse(date) + 86_400_000).toISOString().slice(0, 10);

export const dayStart = (date: string, zone: string) => (isDate(date) ? new Date(midnight(date, zone)).toISOString() : undefined);
export const dayEnd = (date: string, zone: string) => (isDate(date) ? new Date(midnight(next(date), zone)).toISOString() : undefined);
