import { Anchor, Button, Code, Group, Select, SimpleGrid, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconChevronLeft, IconPencil, IconTrash } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'wouter';
import { ApiError, call, get } from '../api/client';
import type { Change, Page, Segment } from '../api/types';
import { useFormat } from '../format';
import { WhySegment } from '../person/why-segment';
import { useWs } from '../session';
import { Confirm } from '../ui/confirm';
import { LineChart } from '../ui/line-chart';
import { Card, PageHead } from '../ui/page';
import { Empty, Failed, Loading, LoadingRows } from '../ui/states';
import { ProfileName } from '../ui/profile-link';
import { CsvLinks } from '../segments/csv-links';
import { ChangeMembers, Freeze, TakeOff } from '../lists/actions';
import { ListBadge, SegmentStatus } from './segments';

interface Sizes {
  data: { at: string; size: number }[];
}

function Growth({ segment }: { segment: Segment }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const sizes = useQuery({ queryKey: ['segment-history', ws(''), segment.key, segment.size], queryFn: ({ signal }) => get<Sizes>(ws(`/segments/${encodeURIComponent(segment.key)}/history`), { step: 'day' }, signal) });
  return (
    <Card title={t('segments.growth')}>
      {sizes.isError ? (
        <Failed error={sizes.error} retry={() => sizes.refetch()} />
      ) : sizes.isPending ? (
        <LoadingRows rows={4} />
      ) : (
        <LineChart label={t('segments.growth')} points={sizes.data.data.slice(-1 - Math.max(0, Math.ceil((Date.parse(sizes.data.data.at(-1)?.at ?? segment.created_at) - Date.parse(segment.created_at)) / 86400e3))).map((p) => ({ label: format.date(p.at), value: p.size }))} format={format.number} />
      )}
    </Card>
  );
}

function Members({ segment }: { segment: Segment }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const [purpose, setPurpose] = useState<string | null>(null);
  const list = useInfiniteQuery({
    queryKey: ['members', ws(''), segment.key, segment.size, purpose],
    queryFn: ({ pageParam, signal }) => get<Page<{ id: string; since: string }>>(ws(`/segments/${encodeURIComponent(segment.key)}/members`), { limit: 50, cursor: pageParam, purpose }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const members = list.data?.pages.flatMap((p) => p.data) ?? [];
  const purposes = ['marketing_email', 'advertising', 'personalisation', 'analytics'];
  return (
    <Card
      title={t('segments.members')}
      actions={<Select size="xs" clearable w={230} aria-label={t('segments.forPurpose')} placeholder={t('segments.forPurpose')} data={purposes.map((p) => ({ value: p, label: t(`purpose.${p}`) }))} value={purpose} onChange={setPurpose} />}
    >
      {list.isError ? (
        <Failed error={list.error} retry={() => list.refetch()} />
      ) : list.isPending ? (
        <LoadingRows rows={5} />
      ) : members.length === 0 ? (
        <Text px="md" pb="md" c="dimmed">
          {t('segments.noMembers')}
        </Text>
      ) : (
        <>
          <table className="kern-table">
            <tbody>
              {members.map((m) => (
                <tr key={m.id}>
                  <td>
                    <ProfileName id={m.id} />
                  </td>
                  <td title={format.dateTime(m.since)}>{t('segments.since', { time: format.ago(m.since) })}</td>
                  {segment.kind === 'static' && (
                    <td className="number">
                      <TakeOff segment={segment} profile={m.id} />
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
          {list.hasNextPage && (
            <Group p="md">
              <Button variant="light" loading={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
                {t('state.more')}
              </Button>
            </Group>
          )}
        </>
      )}
    </Card>
  );
}

function Changes({ segment }: { segment: Segment }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const list = useQuery({
    queryKey: ['changes', ws(''), segment.key, segment.size],
    queryFn: ({ signal }) => get<Page<Change>>(ws(`/segments/${encodeURIComponent(segment.key)}/changes`), { limit: 30 }, signal),
    refetchInterval: 5000,
  });
  return (
    <Card title={t('segments.changes')} hint={t('segments.changesHint')}>
      {list.isError ? (
        <Failed error={list.error} retry={() => list.refetch()} />
      ) : list.isPending ? (
        <LoadingRows rows={4} />
      ) : list.data.data.length === 0 ? (
        <Text px="md" pb="md" c="dimmed">
          {t('segments.noChanges')}
        </Text>
      ) : (
        <ol className="kern-timeline" style={{ padding: '0 1rem 1rem' }}>
          {list.data.data.map((c, i) => (
            <li key={i} data-kind={c.change === 'exited' ? 'order' : undefined}>
              <Text size="sm" component="div">
                {c.profile ? <ProfileName id={c.profile} inSentence /> : t('state.unknown')} {t(`segments.${c.change}`)}
              </Text>
              <Text size="xs" c="dimmed">
                {format.dateTime(c.at)} · {segment.kind === 'static' && c.cause === 'definition' ? t('lists.byHand') : t(`cause.${c.cause}`, { defaultValue: c.cause })}
              </Text>
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}

function Remove({ segment }: { segment: Segment }) {
  const { t } = useTranslation();
  const ws = useWs();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [open, { open: ask, close }] = useDisclosure();
  const remove = useMutation({
    mutationFn: () => call('DELETE', ws(`/segments/${encodeURIComponent(segment.key)}`)),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['segments'] });
      notifications.show({ message: t('segments.removed', { name: segment.name }) });
      navigate('/segments');
    },
  });
  return (
    <>
      <Button variant="default" leftSection={<IconTrash size={16} aria-hidden />} onClick={ask}>
        {t('segments.remove')}
      </Button>
      {open && <Confirm title={t('segments.removeTitle', { name: segment.name })} hint={t('segments.removeHint')} action={t('segments.remove')} error={remove.error} busy={remove.isPending} onClose={close} onConfirm={() => remove.mutate()} />}
    </>
  );
}

export function SegmentPage({ segmentKey }: { segmentKey: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const segment = useQuery({
    queryKey: ['segment', ws(''), segmentKey],
    queryFn: ({ signal }) => get<Segment>(ws(`/segments/${encodeURIComponent(segmentKey)}`), {}, signal),
    refetchInterval: (query) => (query.state.data?.status === 'building' ? 700 : 5000),
  });
  const back = (
    <Anchor component={Link} href="/segments" size="sm">
      <Group gap={2} component="span">
        <IconChevronLeft size={16} aria-hidden /> {t('segments.back')}
      </Group>
    </Anchor>
  );
  if (segment.isError) {
    const missing = segment.error instanceof ApiError && segment.error.status === 404;
    return (
      <>
        {back}
        {missing ? <Empty title={t('segments.notFound')} /> : <Failed error={segment.error} retry={() => segment.refetch()} />}
      </>
    );
  }
  if (segment.isPending) return <Loading />;
  const s = segment.data;
  return (
    <>
      {back}
      <PageHead
        title={s.name}
        lead={s.description || s.key}
        actions={
          <Group gap="xs">
            {s.kind === 'static' && <ChangeMembers segment={s} />}
            <Freeze segment={s} />
            <Button component={Link} href={`/segments/${encodeURIComponent(s.key)}/edit`} leftSection={<IconPencil size={16} aria-hidden />}>
              {t('segments.change')}
            </Button>
            <Remove segment={s} />
          </Group>
        }
      />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" mb="md">
        <Card title={t('segments.size')}>
          <Stack px="md" pb="md" gap="xs">
            <Text fz={34} fw={660} lh={1.1} style={{ fontVariantNumeric: 'tabular-nums' }}>
              {format.number(s.size)}
            </Text>
            <Group>
              <SegmentStatus segment={s} />
              <ListBadge segment={s} />
            </Group>
            {s.kind === 'static' ? (
              <Text size="sm" c="dimmed">
                {s.snapshot_of ? t('lists.frozenHint', { time: format.dateTime(s.created_at), key: s.snapshot_of }) : t('lists.listHint')}
              </Text>
            ) : (
              <Code block className="kern-code">
                {s.query}
              </Code>
            )}
          </Stack>
        </Card>
        <Growth segment={s} />
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" mb="md">
        <Members segment={s} />
        <Changes segment={s} />
        <WhySegment query={s.query ?? `segment('${s.key}')`} />
      </SimpleGrid>
      <CsvLinks segment={s} />
    </>
  );
}
