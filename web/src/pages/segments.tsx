import { Badge, Button, Group, Progress, Text } from '@mantine/core';
import { IconListDetails, IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { get } from '../api/client';
import type { Page, Segment } from '../api/types';
import { useFormat } from '../format';
import { useWs } from '../session';
import { PageHead } from '../ui/page';
import { Empty, Failed, LoadingRows } from '../ui/states';

export function SegmentStatus({ segment }: { segment: Segment }) {
  const { t } = useTranslation();
  if (segment.status === 'ready') return <Badge>{t('segments.ready')}</Badge>;
  if (segment.status === 'failed')
    return (
      <Badge color="red" title={segment.error ?? undefined}>
        {t('segments.failed')}
      </Badge>
    );
  return (
    <div style={{ minWidth: 110 }}>
      <Text size="xs" c="dimmed">
        {t('segments.building')}
      </Text>
      <Progress value={(segment.progress ?? 0) * 100} size="sm" aria-label={t('segments.building')} />
    </div>
  );
}

/** A list is told from a segment that follows events. */
export function ListBadge({ segment }: { segment: Segment }) {
  const { t } = useTranslation();
  if (segment.kind !== 'static') return null;
  return (
    <Badge color="gray" variant="light">
      {segment.snapshot_of ? t('lists.frozen') : t('lists.list')}
    </Badge>
  );
}

export function SegmentsPage() {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const segments = useQuery({
    queryKey: ['segments', ws('')],
    queryFn: ({ signal }) => get<Page<Segment>>(ws('/segments'), { limit: 1000 }, signal),
    refetchInterval: (query) => (query.state.data?.data.some((s) => s.status === 'building') ? 1000 : 15_000),
  });
  const add = (
    <Group gap="xs">
      <Button variant="default" component={Link} href="/segments/new-list" leftSection={<IconListDetails size={16} aria-hidden />}>
        {t('lists.new')}
      </Button>
      <Button component={Link} href="/segments/new" leftSection={<IconPlus size={16} aria-hidden />}>
        {t('segments.new')}
      </Button>
    </Group>
  );
  return (
    <>
      <PageHead title={t('segments.title')} lead={t('segments.lead')} actions={add} />
      <section className="kern-card">
        {segments.isError ? (
          <Failed error={segments.error} retry={() => segments.refetch()} />
        ) : segments.isPending ? (
          <LoadingRows rows={5} />
        ) : segments.data.data.length === 0 ? (
          <Empty title={t('segments.emptyTitle')} hint={t('segments.emptyHint')}>
            {add}
          </Empty>
        ) : (
          <div style={{ overflowX: 'auto' }}>
            <table className="kern-table">
              <thead>
                <tr>
                  <th scope="col">{t('segments.name')}</th>
                  <th scope="col" className="number">
                    {t('segments.size')}
                  </th>
                  <th scope="col">{t('segments.status')}</th>
                  <th scope="col">{t('segments.updated')}</th>
                </tr>
              </thead>
              <tbody>
                {segments.data.data.map((s) => (
                  <tr key={s.key}>
                    <td>
                      <Link className="kern-link" href={`/segments/${encodeURIComponent(s.key)}`}>
                        {s.name}
                      </Link>{' '}
                      <ListBadge segment={s} />
                      <Text size="xs" c="dimmed" lineClamp={1}>
                        {s.description || s.key}
                      </Text>
                    </td>
                    <td className="number">{s.status === 'building' && s.size === 0 ? '…' : format.number(s.size)}</td>
                    <td>
                      <SegmentStatus segment={s} />
                    </td>
                    <td title={format.dateTime(s.updated_at)}>{format.ago(s.updated_at)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
    </>
  );
}
