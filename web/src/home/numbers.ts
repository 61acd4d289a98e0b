/** What happened in a period, and in the same length of time before it. */
import { useQueries } from '@tanstack/react-query';
import { post } from '../api/client';
import type { Period } from '../reports/period';
import { unitsOf } from '../reports/period';
import type { PathsReport, Request, SeriesReport } from '../reports/types';
import { useSession, useWs } from '../session';

export interface Figure {
  now: number;
  before: number;
  line: (number | null)[];
}

const EVER = '1970-01-01';
const sum = (points: (number | null)[] = []) => points.reduce<number>((total, p) => total + (p ?? 0), 0);

/** undefined while one of them is on its way; the error of the first that failed. */
export function useNumbers(period: Period) {
  const ws = useWs();
  const { workspace } = useSession();
  const unit = unitsOf(period.days)[0];
  const { from, to, before } = period;
  const here = { from, to };
  const visits = { events: ['Page Viewed', 'Screen Viewed'], length: 1 };
  const everyone = { from: EVER, length: 1 };
  const orders = { orders: true, measure: 'events', unit };
  const revenue = { orders: true, measure: 'sum', property: 'value', unit, breakdown: { property: 'currency' } };
  const asked: [string, Request][] = [
    ['paths', { ...visits, ...here }],
    ['paths', { ...visits, ...before }],
    ['paths', { ...everyone, to }],
    ['paths', { ...everyone, to: from }],
    ['paths', { ...everyone, to: before.to }],
    ['paths', { ...everyone, to: before.from }],
    ['series', { event: 'Page Viewed', measure: 'profiles', unit, ...here }],
    ['series', { ...orders, ...here }],
    ['series', { ...orders, ...before }],
    ['series', { ...revenue, ...here }],
    ['series', { ...revenue, ...before }],
  ];
  const results = useQueries({
    queries: asked.map(([kind, body]) => ({
      queryKey: ['report', ws(''), kind, body],
      queryFn: () => post<PathsReport | SeriesReport>(ws(`/reports/${kind}`), body),
      staleTime: 30_000,
      refetchInterval: 60_000,
    })),
  });
  const error = results.find((r) => r.error)?.error ?? null;
  const refetch = () => results.forEach((r) => void r.refetch());
  if (results.some((r) => !r.data)) return { data: undefined, error, refetch };
  const people = (i: number) => (results[i]!.data as PathsReport).profiles;
  const series = (i: number) => results[i]!.data as SeriesReport;
  const points = (i: number) => series(i).groups[0]?.points ?? [];
  const home = (i: number) => series(i).groups.find((g) => g.value === workspace.currency)?.points ?? [];
  const figure = (now: number, was: number, line: (number | null)[] = []): Figure => ({ now, before: was, line });
  const ordered = figure(sum(points(7)), sum(points(8)), points(7));
  const visitors = figure(people(0), people(1), points(6));
  const rate = (f: number, of: number) => (of === 0 ? 0 : f / of);
  return {
    data: {
      visitors,
      orders: ordered,
      revenue: figure(sum(home(9)), sum(home(10)), home(9)),
      conversion: figure(rate(ordered.now, visitors.now), rate(ordered.before, visitors.before)),
      profiles: figure(people(2) - people(3), people(4) - people(5)),
      all: people(2),
    },
    error,
    refetch,
  };
}
