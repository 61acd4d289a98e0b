import { Anchor, Badge, Button, Code, Collapse, Group, Select, SimpleGrid, Stack, Text, UnstyledButton } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChevronDown, IconChevronLeft } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { ApiError, get } from '../api/client';
import type { Consent, KernEvent, Link as ProfileLink, Page, Profile, Touch } from '../api/types';
import { isOrder, sentence } from '../event-text';
import { useFormat } from '../format';
import { nameOf } from '../profile-name';
import { useWs } from '../session';
import { Card, PageHead } from '../ui/page';
import { Empty, Failed, Loading, LoadingRows } from '../ui/states';

function Facts({ rows }: { rows: [ReactNode, ReactNode][] }) {
  return (
    <table className="kern-table">
      <tbody>
        {rows.map(([name, value], i) => (
          <tr key={i}>
            <th scope="row" style={{ width: '38%' }}>
              {name}
            </th>
            <td style={{ overflowWrap: 'anywhere' }}>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Figure({ label, value, hint }: { label: string; value: string; hint?: string }) {
  return (
    <div className="kern-card" style={{ padding: '0.8rem 1rem' }}>
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <Text fz="xl" fw={640} title={hint} style={{ fontVariantNumeric: 'tabular-nums' }}>
        {value}
      </Text>
    </div>
  );
}

const show = (value: unknown) => (typeof value === 'object' && value !== null ? <Code>{JSON.stringify(value)}</Code> : String(value));

const STATE_COLOR = { granted: 'kern', denied: 'red', unknown: 'gray', conflict: 'apricot' } as const;

function Consents({ consents }: { consents: Consent[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (consents.length === 0)
    return (
      <Text px="md" pb="md" c="dimmed">
        {t('profile.noConsents')}
      </Text>
    );
  return (
    <Facts
      rows={consents.map((c) => [
        t(`purpose.${c.purpose}`, { defaultValue: c.purpose }),
        <>
          <Badge color={STATE_COLOR[c.state]}>
            {t(`consent.${c.state}`)}
          </Badge>
          <Text size="xs" c="dimmed">
            {format.dateTime(c.at)} · {t('profile.via', { source: c.source })}
            {c.text_version ? ` · ${t('profile.textVersion', { version: c.text_version })}` : ''}
            {c.proof ? ` · ${t('profile.proof')}: ${c.proof}` : ''}
          </Text>
        </>,
      ])}
    />
  );
}

function TouchText({ touch }: { touch?: Touch | null }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (!touch) return <>{t('state.unknown')}</>;
  const campaign = [touch.source, touch.campaign].filter(Boolean).join(' / ');
  return (
    <>
      {t(`channel.${touch.channel ?? 'direct'}`, { defaultValue: touch.channel })}
      {campaign ? ` · ${campaign}` : ''}
      <Text size="xs" c="dimmed">
        {format.dateTime(touch.at)}
        {touch.landing_page ? ` · ${touch.landing_page}` : ''}
      </Text>
    </>
  );
}

function EventRow({ event }: { event: KernEvent }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [open, { toggle }] = useDisclosure();
  return (
    <li data-kind={isOrder(event) ? 'order' : undefined}>
      <UnstyledButton onClick={toggle} aria-expanded={open} w="100%">
        <Group justify="space-between" wrap="nowrap" gap="sm">
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {sentence(t, event, format.money)}
          </Text>
          <Group gap={4} wrap="nowrap">
            <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
              <time dateTime={event.timestamp}>{format.time(event.timestamp)}</time>
            </Text>
            <IconChevronDown size={14} aria-label={t('profile.details')} style={{ rotate: open ? '180deg' : undefined }} />
          </Group>
        </Group>
      </UnstyledButton>
      <Collapse expanded={open}>
        <Code block mt={6} className="kern-code">
          {JSON.stringify({ event: event.event, source: event.source, message_id: event.message_id, properties: event.properties, context: event.context }, null, 2)}
        </Code>
      </Collapse>
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

function Timeline({ id }: { id: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const [name, setName] = useState<string | null>(null);
  const list = useInfiniteQuery({
    queryKey: ['events', ws(''), id, name],
    queryFn: ({ pageParam, signal }) => get<Page<KernEvent>>(ws(`/profiles/${id}/events`), { event: name, limit: 60, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const events = useMemo(() => list.data?.pages.flatMap((p) => p.data) ?? [], [list.data]);
  const names = useMemo(() => [...new Set(events.map((e) => e.event).filter((e): e is string => !!e))].sort(), [events]);
  const options = name && !names.includes(name) ? [name, ...names] : names;
  return (
    <Card
      title={t('profile.timeline')}
      actions={<Select size="xs" w={220} clearable searchable aria-label={t('profile.filterEvent')} placeholder={t('profile.filterEvent')} data={options} value={name} onChange={setName} />}
    >
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
                {group.events.map((event) => (
                  <EventRow key={event.message_id + event.timestamp} event={event} />
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
    </Card>
  );
}

function Why({ id }: { id: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const links = useQuery({
    queryKey: ['links', ws(''), id],
    queryFn: ({ signal }) => get<Page<ProfileLink>>(ws(`/profiles/${id}/links`), { limit: 100 }, signal),
  });
  return (
    <Card title={t('profile.why')} hint={t('profile.whyHint')}>
      {links.isError ? (
        <Failed error={links.error} retry={() => links.refetch()} />
      ) : links.isPending ? (
        <LoadingRows rows={3} />
      ) : (
        <ol className="kern-timeline" style={{ padding: '0 1rem 1rem' }}>
          {links.data.data.map((link, i) => (
            <li key={i}>
              <Text size="sm">
                {t(`link.${link.kind}`)}
                {link.by === 'person' ? ` (${t('link.byPerson')})` : ''}
                {link.reason ? `: ${link.reason}` : ''}
              </Text>
              {link.identifiers.map((identifier) => (
                <Text key={identifier.type + identifier.value} size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
                  {t(`identifier.${identifier.type}`, { defaultValue: identifier.type })}: {identifier.value}
                </Text>
              ))}
              <Text size="xs" c="dimmed">
                {format.dateTime(link.at)} · {t('profile.via', { source: link.source })}
              </Text>
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}

function Details({ profile }: { profile: Profile }) {
  const { t } = useTranslation();
  const format = useFormat();
  const traits = Object.entries(profile.traits);
  return (
    <Stack gap="md">
      <Card title={t('profile.traits')}>
        {traits.length > 0 ? (
          <Facts rows={traits.map(([key, value]) => [key, show(value)])} />
        ) : (
          <Text px="md" pb="md" c="dimmed">
            {t('profile.noTraits')}
          </Text>
        )}
      </Card>
      <Card title={t('profile.segments')}>
        <Group px="md" pb="md" gap="xs">
          {profile.segments.length > 0 ? (
            profile.segments.map((s) => (
              <Badge key={s.key} title={format.dateTime(s.since)}>
                {s.key}
              </Badge>
            ))
          ) : (
            <Text c="dimmed">{t('profile.noSegments')}</Text>
          )}
        </Group>
      </Card>
      <Card title={t('profile.consents')}>
        <Consents consents={profile.consents} />
      </Card>
      <Card title={t('profile.identifiers')} hint={t('profile.identifiersHint')}>
        <Facts
          rows={profile.identifiers.map((i) => [
            t(`identifier.${i.type}`, { defaultValue: i.type }),
            <>
              {i.value}
              <Text size="xs" c="dimmed">
                {t('profile.lastSeen')}: {format.dateTime(i.last_seen_at)} · {t('profile.via', { source: i.source })}
              </Text>
            </>,
          ])}
        />
      </Card>
      <Card title={t('profile.origin')}>
        <Facts
          rows={[
            [t('profile.firstTouch'), <TouchText key="first" touch={profile.first_touch} />],
            [t('profile.lastTouch'), <TouchText key="last" touch={profile.last_touch} />],
            ...(profile.devices ?? []).map((d): [ReactNode, ReactNode] => [
              t(`device.${d.device}`, { defaultValue: d.device }),
              <>
                {[d.browser, d.platform, d.country].filter(Boolean).join(' · ')}
                <Text size="xs" c="dimmed">
                  {t('profile.lastSeen')}: {format.dateTime(d.last_seen_at)}
                </Text>
              </>,
            ]),
          ]}
        />
      </Card>
      <Why id={profile.id} />
    </Stack>
  );
}

export function ProfilePage({ id }: { id: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const profile = useQuery({ queryKey: ['profile', ws(''), id], queryFn: ({ signal }) => get<Profile>(ws(`/profiles/${encodeURIComponent(id)}`), {}, signal) });
  const back = (
    <Anchor component={Link} href="/profiles" size="sm">
      <Group gap={2} component="span">
        <IconChevronLeft size={16} aria-hidden /> {t('profile.back')}
      </Group>
    </Anchor>
  );
  if (profile.isError) {
    const missing = profile.error instanceof ApiError && (profile.error.status === 404 || profile.error.status === 400);
    return (
      <>
        {back}
        {missing ? <Empty title={t('profile.notFound')} /> : <Failed error={profile.error} retry={() => profile.refetch()} />}
      </>
    );
  }
  if (profile.isPending) return <Loading />;
  const p = profile.data;
  const c = p.counters;
  return (
    <>
      {back}
      <PageHead title={nameOf(p) ?? t('profiles.unknown')} lead={p.id} />
      <SimpleGrid cols={{ base: 2, xs: 3, lg: 6 }} spacing="sm" mb="md">
        <Figure label={t('profile.revenue')} value={c.revenue.length > 0 ? c.revenue.map((r) => format.money(r.amount, r.currency)).join(' · ') : '–'} />
        <Figure label={t('profile.orders')} value={format.number(c.orders)} />
        <Figure label={t('profile.sessions')} value={format.number(c.sessions)} />
        <Figure label={t('profile.events')} value={format.number(c.events)} />
        <Figure label={t('profile.firstSeen')} value={format.ago(p.first_seen_at)} hint={format.dateTime(p.first_seen_at)} />
        <Figure label={t('profile.lastSeen')} value={format.ago(p.last_seen_at)} hint={format.dateTime(p.last_seen_at)} />
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Details profile={p} />
        <div>
          <Timeline id={p.id} />
        </div>
      </SimpleGrid>
    </>
  );
}
