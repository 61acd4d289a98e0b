import { Badge, Button, Group, Text, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'wouter';
import { get } from '../api/client';
import type { Page, Profile } from '../api/types';
import { useFormat } from '../format';
import { identifierOf, isKnown, nameOf } from '../profile-name';
import { useWs } from '../session';
import { PageHead } from '../ui/page';
import { Empty, Failed, LoadingRows } from '../ui/states';

const ROW_HEIGHT = 53;

function Row({ profile }: { profile: Profile }) {
  const { t } = useTranslation();
  const format = useFormat();
  const name = nameOf(profile);
  const email = identifierOf(profile, 'email');
  const revenue = profile.counters.revenue;
  return (
    <>
      <td>
        <Link className="kern-link" href={`/profiles/${profile.id}`}>
          {name ?? t('profiles.unknown')}
        </Link>
        <Text size="xs" c="dimmed" truncate maw={320}>
          {email && email !== name ? email : profile.id.slice(0, 10)}
        </Text>
      </td>
      <td>
        <Badge color={isKnown(profile) ? 'kern' : 'gray'}>
          {isKnown(profile) ? t('profiles.isKnown') : t('profiles.isUnknown')}
        </Badge>
      </td>
      <td title={format.dateTime(profile.last_seen_at)}>{format.ago(profile.last_seen_at)}</td>
      <td className="number">{format.number(profile.counters.events)}</td>
      <td className="number">{format.number(profile.counters.orders)}</td>
      <td className="number">{revenue.length > 0 ? revenue.map((r) => format.money(r.amount, r.currency)).join(' · ') : '–'}</td>
    </>
  );
}

function Table({ profiles, onEnd }: { profiles: Profile[]; onEnd: () => void }) {
  const { t } = useTranslation();
  const body = useRef<HTMLTableSectionElement>(null);
  const rows = useWindowVirtualizer({ count: profiles.length, estimateSize: () => ROW_HEIGHT, overscan: 12, scrollMargin: body.current?.offsetTop ?? 0 });
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= profiles.length - 10) onEnd();
  }, [last, profiles.length, onEnd]);
  const before = items[0] ? items[0].start - rows.options.scrollMargin : 0;
  const after = rows.getTotalSize() - ((items.at(-1)?.end ?? 0) - rows.options.scrollMargin);
  return (
    <table className="kern-table" aria-rowcount={-1}>
      <thead>
        <tr>
          <th scope="col">{t('profiles.name')}</th>
          <th scope="col">{t('profiles.status')}</th>
          <th scope="col">{t('profiles.lastSeen')}</th>
          <th scope="col" className="number">
            {t('profiles.events')}
          </th>
          <th scope="col" className="number">
            {t('profiles.orders')}
          </th>
          <th scope="col" className="number">
            {t('profiles.revenue')}
          </th>
        </tr>
      </thead>
      <tbody ref={body}>
        {before > 0 && (
          <tr aria-hidden>
            <td colSpan={6} style={{ height: before, padding: 0, border: 0 }} />
          </tr>
        )}
        {items.map((item) => (
          <tr key={profiles[item.index]!.id} data-index={item.index} ref={rows.measureElement}>
            <Row profile={profiles[item.index]!} />
          </tr>
        ))}
        {after > 0 && (
          <tr aria-hidden>
            <td colSpan={6} style={{ height: after, padding: 0, border: 0 }} />
          </tr>
        )}
      </tbody>
    </table>
  );
}

export function ProfilesPage() {
  const { t } = useTranslation();
  const ws = useWs();
  const [params, setParams] = useSearchParams();
  const q = params.get('q') ?? '';
  const [wanted] = useDebouncedValue(q, 150);
  const list = useInfiniteQuery({
    queryKey: ['profiles', ws(''), wanted],
    queryFn: ({ pageParam, signal }) => get<Page<Profile>>(ws('/profiles'), wanted ? { q: wanted, limit: 100, cursor: pageParam } : { sort: 'recent', limit: 100, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  });
  // Somebody who came back while one scrolled stands in two pages.
  const profiles = [...new Map(list.data?.pages.flatMap((page) => page.data.map((p) => [p.id, p] as const))).values()];
  const more = () => {
    if (list.hasNextPage && !list.isFetchingNextPage) void list.fetchNextPage();
  };
  return (
    <>
      <PageHead title={t('profiles.title')} lead={t('profiles.lead')} />
      <TextInput
        role="search"
        type="search"
        size="md"
        mb="md"
        maw={560}
        autoFocus
        aria-label={t('profiles.search')}
        placeholder={t('profiles.search')}
        leftSection={<IconSearch size={18} stroke={1.6} aria-hidden />}
        value={q}
        onChange={(event) => setParams(event.currentTarget.value ? { q: event.currentTarget.value } : {}, { replace: true })}
      />
      <section className="kern-card" aria-busy={list.isFetching}>
        {list.isError ? (
          <Failed error={list.error} retry={() => list.refetch()} />
        ) : list.isPending ? (
          <LoadingRows />
        ) : profiles.length === 0 ? (
          wanted ? (
            <Empty title={t('profiles.nothing', { q: wanted })} hint={t('profiles.nothingHint')} />
          ) : (
            <Empty title={t('profiles.emptyTitle')} hint={t('profiles.emptyHint')}>
              <Button component={Link} href="/sources" mt="sm">
                {t('profiles.toSources')}
              </Button>
            </Empty>
          )
        ) : (
          <div style={{ overflowX: 'auto' }}>
            <Table profiles={profiles} onEnd={more} />
          </div>
        )}
      </section>
      {profiles.length > 0 && (
        <Group justify="space-between" mt="sm">
          <Text size="sm" c="dimmed" role="status">
            {t('profiles.count', { count: profiles.length })}
          </Text>
          {list.hasNextPage && (
            <Button variant="subtle" loading={list.isFetchingNextPage} onClick={more}>
              {t('state.more')}
            </Button>
          )}
        </Group>
      )}
    </>
  );
}
