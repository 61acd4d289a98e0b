/** Everything a person did, the newest first, by day; with filters. */
import { Button, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { get } from '../api/client';
import type { KernEvent, Page } from '../api/types';
import { isOrder, sentence } from '../event-text';
import { useFormat } from '../format';
import { useSession, useWs } from '../session';
import { Failed, LoadingRows } from '../ui/states';
import { Unfold } from '../ui/unfold';
import { Folded, useSourceName } from './facts';
import type { Note } from './types';
import { dayEnd, dayStart } from './days';

const TYPES = ['track', 'page', 'screen', 'identify', 'consent', 'note', 'merge', 'unmerge'];
const PAGE = 60;

function EventText({ event }: { event: KernEvent }) {
  const { t } = useTranslation();
  const format = useFormat();
  const note = event as Note;
  if (event.type === 'note' && note.traits) return <Folded text={[t('care.corrected', { by: note.by, traits: Object.keys(note.traits).join(', ') }), note.text].filter(Boolean).join(': ')} />;
  if (event.type === 'note') return <Folded text={t('care.noteBy', { by: note.by, text: note.text })} />;
  return <Folded text={sentence(t, event, format.money)} />;
}

function EventRow({ event }: { event: KernEvent }) {
  const format = useFormat();
  const sourceName = useSourceName();
  return (
    <li data-kind={isOrder(event) ? 'order' : undefined}>
      <Unfold at={event.timestamp} time={format.time(event.timestamp)} title={sourceName(event.source)} value={event}>
        <Text size="sm" component="div" style={{ overflowWrap: 'anywhere', minWidth: 0 }}>
          <EventText event={event} />
        </Text>
      </Unfold>
    </li>
  );
}

function byDay(events: KernEvent[], day: (iso: string) => string) {
  const groups: { day: string; events: KernEvent[] }[] = [];
  for (const event of events) {
    const name = day(event.timestamp);
    if (groups.at(-1)?.day !== name) groups.push({ day: name, events: [] });
    groups.at(-1)!.events.push(event);
  }
  return groups;
}

interface Filter {
  event: string | null;
  type: string | null;
  from: string;
  to: string;
}

function Filters({ filter, names, onChange }: { filter: Filter; names: string[]; onChange: (f: Filter) => void }) {
  const { t } = useTranslation();
  const set = (part: Partial<Filter>) => onChange({ ...filter, ...part });
  return (
    <Group gap="xs" px="md" py="sm">
      <Select size="xs" w={150} clearable aria-label={t('person.filterType')} placeholder={t('person.filterType')} data={TYPES.map((value) => ({ value, label: t(`person.types.${value}`) }))} value={filter.type} onChange={(type) => set({ type })} />
      <Select size="xs" w={190} clearable searchable aria-label={t('profile.filterEvent')} placeholder={t('profile.filterEvent')} data={names} value={filter.event} onChange={(event) => set({ event })} />
      <TextInput size="xs" type="date" aria-label={t('person.filterFrom')} title={t('person.filterFrom')} value={filter.from} onChange={(e) => set({ from: e.currentTarget.value })} />
      <TextInput size="xs" type="date" aria-label={t('person.filterTo')} title={t('person.filterTo')} value={filter.to} onChange={(e) => set({ to: e.currentTarget.value })} />
    </Group>
  );
}

export function Timeline({ id }: { id: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const { workspace } = useSession();
  const [filter, setFilter] = useState<Filter>({ event: null, type: null, from: '', to: '' });
  const list = useInfiniteQuery({
    queryKey: ['events', ws(''), id, filter],
    queryFn: ({ pageParam, signal }) =>
      get<Page<KernEvent>>(ws(`/profiles/${id}/events`), { event: filter.event, type: filter.type, from: dayStart(filter.from, workspace.time_zone), to: dayEnd(filter.to, workspace.time_zone), limit: PAGE, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const events = useMemo(() => list.data?.pages.flatMap((p) => p.data) ?? [], [list.data]);
  const names = useMemo(() => [...new Set([...events.map((e) => e.event), filter.event].filter((e): e is string => !!e))].sort().map((value) => ({ value, label: value.slice(0, 80) })), [events, filter.event]);
  return (
    <>
      <Filters filter={filter} names={names as never} onChange={setFilter} />
      <Stack px="md" pb="md" gap="sm" aria-busy={list.isFetching}>
        {list.isError ? (
          <Failed error={list.error} retry={() => list.refetch()} />
        ) : list.isPending ? (
          <LoadingRows />
        ) : events.length === 0 ? (
          <Text c="dimmed">{t('profile.noEvents')}</Text>
        ) : (
          byDay(events, format.day).map((group) => (
            <div key={group.day}>
              <Text size="sm" fw={600} c="dimmed" mb={4}>
                {group.day}
              </Text>
              <ol className="kern-timeline">
                {group.events.map((event, i) => (
                  <EventRow key={`${event.message_id}-${i}`} event={event} />
                ))}
              </ol>
            </div>
          ))
        )}
        {list.hasNextPage && (
          <Button variant="light" loading={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
            {t('state.more')}
          </Button>
        )}
      </Stack>
    </>
  );
}
