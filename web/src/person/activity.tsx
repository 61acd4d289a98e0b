/** Visits and spending of the last twelve months, from the lists of visits and orders. */
import { SimpleGrid } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { get } from '../api/client';
import type { Page } from '../api/types';
import { useFormat } from '../format';
import { useSession, useWs } from '../session';
import { LineChart } from '../ui/line-chart';
import { Card } from '../ui/page';
import { Failed, LoadingRows } from '../ui/states';
import { Quiet } from './facts';
import { lastMonths, sumByMonth } from './months';
import type { Order, Session } from './types';

const MONTHS = 12;
const MOST = 1000; // of each list

export function Activity({ id, currency }: { id: string; currency?: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const { workspace } = useSession();
  const visits = useQuery({ queryKey: ['all-sessions', ws(''), id], queryFn: ({ signal }) => get<Page<Session>>(ws(`/profiles/${id}/sessions`), { limit: MOST }, signal) });
  const orders = useQuery({ queryKey: ['all-orders', ws(''), id], queryFn: ({ signal }) => get<Page<Order>>(ws(`/profiles/${id}/orders`), { limit: MOST }, signal) });
  const months = lastMonths(workspace.now, workspace.time_zone, MONTHS);
  const points = (rows: [string, number][]) => {
    const sums = sumByMonth(rows, workspace.time_zone);
    return months.map((m) => ({ label: format.month(`${m}-15T12:00:00Z`), value: sums.get(m) ?? 0 }));
  };
  const spent = orders.data?.data.filter((o) => o.currency === currency) ?? [];
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" mb="md">
      <Card title={t('person.activity')} hint={t('person.lastYear')}>
        {visits.isError ? (
          <Failed error={visits.error} retry={() => visits.refetch()} />
        ) : visits.isPending ? (
          <LoadingRows rows={3} />
        ) : (
          <LineChart label={t('person.activity')} points={points(visits.data.data.map((s) => [s.started_at, 1]))} format={format.number} />
        )}
      </Card>
      <Card title={t('person.spend')} hint={t('person.lastYear')}>
        {orders.isError ? (
          <Failed error={orders.error} retry={() => orders.refetch()} />
        ) : orders.isPending ? (
          <LoadingRows rows={3} />
        ) : spent.length === 0 ? (
          <Quiet>{t('person.noOrders')}</Quiet>
        ) : (
          <LineChart label={t('person.spend')} points={points(spent.map((o) => [o.at, o.net]))} format={(v) => format.money(v, currency!)} />
        )}
      </Card>
    </SimpleGrid>
  );
}
