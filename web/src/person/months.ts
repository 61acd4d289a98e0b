/** Calendar months of a time zone, as 2026-11. */

export function monthOf(iso: string, zone: string): string {
  const parts = new Intl.DateTimeFormat('en-CA', { year: 'numeric', month: '2-digit', timeZone: zone }).formatToParts(new Date(iso));
  const part = (type: string) => parts.find((p) => p.type === type)!.value;
  return `${part('year')}-${part('month')}`;
}

/** The months up to that of `now`, oldest first. */
export function lastMonths(now: string, zone: string, count: number): string[] {
  const [year, month] = monthOf(now, zone).split('-').map(Number) as [number, number];
  return Array.from({ length: count }, (_, i) => new Date(Date.UTC(year, month - 1 - (count - 1 - i), 15)).toISOString().slice(0, 7));
}

export function sumByMonth(rows: [at: string, value: number][], zone: string): Map<string, number> {
  const sums = new Map<string, number>();
  for (const [at, value] of rows) {
    const month = monthOf(at, zone);
    sums.set(month, (sums.get(month) ?? 0) + value);
  }
  return sums;
}
