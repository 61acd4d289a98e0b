/** Orders and visits, page by page. */
import { Badge, Button, Group, Text } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { get } from '../api/client';
import type { Page } from '../api/types';
import { useFormat } from '../format';
import { useWs } from '../session';
import { Failed, LoadingRows } from '../ui/states';
import { Quiet, useSourceName } from './facts';
import type { Order, Session } from './types';

const STATES = { placed: 'kern', cancelled: 'gray', refunded: 'apricot', unknown: 'gray' } as const;

function Pages<T>({ id, what, empty, children }: { id: string; what: 'orders' | 'sessions'; empty: string; children: (rows: T[]) => ReactNode }) {
  const { t } = useTranslation();
  const ws = useWs();
  const list = useInfiniteQuery({
    queryKey: [what, ws(''), id],
    queryFn: ({ pageParam, signal }) => get<Page<T>>(ws(`/profiles/${id}/${what}`), { limit: 30, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  if (list.isError) return <Failed error={list.error} retry={() => list.refetch()} />;
  if (list.isPending) return <LoadingRows rows={4} />;
  const rows = list.data.pages.flatMap((p) => p.data);
  if (rows.length === 0) return <Quiet>{empty}</Quiet>;
  return (
    <>
      <div className="kern-scroll" tabIndex={0} role="group" aria-label={t(what === 'orders' ? 'person.orders' : 'person.visits')}>
        {children(rows)}
      </div>
      {list.hasNextPage && (
        <Group p="md">
          <Button variant="light" loading={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
            {t('state.more')}
          </Button>
        </Group>
      )}
    </>
  );
}

export function Orders({ id }: { id: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const sourceName = useSourceName();
  return (
    <Pages<Order> id={id} what="orders" empty={t('person.noOrders')}>
      {(orders) => (
        <table className="kern-table">
          <thead>
            <tr>
              <th scope="col">{t('person.order')}</th>
              <th scope="col">{t('person.state')}</th>
              <th scope="col" className="number">
                {t('person.amount')}
              </th>
              <th scope="col" className="number">
                {t('person.net')}
              </th>
            </tr>
          </thead>
          <tbody>
            {orders.map((o, i) => (
              <tr key={i}>
                <td style={{ overflowWrap: 'anywhere', minWidth: 120 }}>
                  <bdi>{o.order_id?.slice(0, 100) ?? t('person.noOrderId')}</bdi>
                  <Text size="xs" c="dimmed">
                    {format.dateTime(o.at)} · {o.sources.map(sourceName).join(', ')}
                  </Text>
                </td>
                <td>
                  <Badge color={STATES[o.state]}>{t(`person.states.${o.state}`)}</Badge>
                </td>
                <td className="number">{o.amount === null ? '–' : format.money(o.amount, o.currency)}</td>
                <td className="number">{format.money(o.net, o.currency)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Pages>
  );
}

export function Visits({ id }: { id: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <Pages<Session> id={id} what="sessions" empty={t('person.noVisits')}>
      {(sessions) => (
        <table className="kern-table">
          <thead>
            <tr>
              <th scope="col">{t('person.when')}</th>
              <th scope="col">{t('person.origin')}</th>
              <th scope="col">{t('person.device')}</th>
            </tr>
          </thead>
          <tbody>
            {sessions.map((s) => (
              <tr key={s.started_at}>
                <td>
                  {format.dateTime(s.started_at)}
                  <Text size="xs" c="dimmed">
                    {format.duration((Date.parse(s.ended_at) - Date.parse(s.started_at)) / 1000)}
                  </Text>
                </td>
                <td style={{ overflowWrap: 'anywhere' }}>
                  {t(`channel.${s.channel}`, { defaultValue: s.channel })}
                  <Text size="xs" c="dimmed">
                    <bdi>{[s.source, s.campaign, s.landing_page].filter(Boolean).join(' · ').slice(0, 200)}</bdi>
                  </Text>
                </td>
                <td>
                  {s.device ? t(`device.${s.device}`, { defaultValue: s.device }) : t('state.unknown')}
                  <Text size="xs" c="dimmed">
                    {[s.browser, s.platform, s.country].filter(Boolean).join(' · ')}
                  </Text>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Pages>
  );
}
