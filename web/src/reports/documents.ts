/** What a team keeps: saved reports, dashboards, notes, alerts (docs/reports.md). */
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { ApiError, call, get } from '../api/client';
import type { Page } from '../api/types';
import { useSession, useWs } from '../session';
import type { Kind } from './kinds';

interface Kept {
  id: string;
  version: number;
  created_at: string;
  updated_at: string;
}

export interface SavedReport extends Kept {
  name: string;
  kind: Kind;
  settings: Record<string, string>;
}

export interface DashboardItem {
  report: string;
  width: number;
}

export interface Dashboard extends Kept {
  name: string;
  items: DashboardItem[];
}

export interface Note extends Kept {
  at: string;
  text: string;
}

export interface Alert extends Kept {
  name: string;
  kind: 'no_orders' | 'silent_source' | 'segment_change';
  enabled: boolean;
  state: 'ok' | 'firing' | 'unknown' | 'missing' | 'off';
  hours?: number;
  source?: string;
  segment?: string;
  percent?: number;
  days?: number;
  since?: string;
  last_at?: string;
  size?: number;
  size_before?: number;
}

interface Paths {
  '/reports/saved': SavedReport;
  '/dashboards': Dashboard;
  '/notes': Note;
  '/alerts': Alert;
}
type Path = keyof Paths;

export function useDocuments<P extends Path>(path: P, options: { refetchInterval?: number } = {}) {
  const ws = useWs();
  return useQuery({
    queryKey: ['documents', ws(''), path],
    queryFn: ({ signal }) => get<Page<Paths[P]>>(ws(path), { limit: 1000 }, signal),
    select: (page) => page.data,
    ...options,
  });
}

/** A marketer may keep things; an analyst looks. */
export function useMayKeep() {
  const { caller } = useSession();
  return caller.role !== 'analyst';
}

/** Makes, changes and takes away; what went wrong is told, and what stands is read again. */
export function useKeep<P extends Path>(path: P) {
  const { t } = useTranslation();
  const ws = useWs();
  const client = useQueryClient();
  const settle = {
    onSettled: () => client.invalidateQueries({ queryKey: ['documents', ws('')] }),
    onError: (error: Error) => {
      const lost = error instanceof ApiError && error.status === 409;
      notifications.show({ color: 'apricot', title: t('state.error'), message: lost && /meanwhile/.test(error.message) ? t('reports.changedMeanwhile') : error.message });
    },
  };
  const at = (id: string) => ws(`${path}/${encodeURIComponent(id)}`);
  return {
    create: useMutation({ mutationFn: (body: Partial<Paths[P]>) => call<Paths[P]>('POST', ws(path), { body }), ...settle }),
    change: useMutation({ mutationFn: ({ id, ...body }: Partial<Paths[P]> & { id: string; version: number }) => call<Paths[P]>('PUT', at(id), { body }), ...settle }),
    remove: useMutation({ mutationFn: (id: string) => call<void>('DELETE', at(id)), ...settle }),
  };
}

/** Where a saved report opens. */
export const reportHref = (r: SavedReport) => `/reports/${r.kind}?${new URLSearchParams({ ...r.settings, saved: r.id })}`;
