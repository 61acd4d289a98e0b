/** One person: who, what they did, what they like, what is allowed, and why it is one person. */
import { Anchor, Group, SimpleGrid, Stack, Tabs, Text } from '@mantine/core';
import { IconChevronLeft } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { ApiError, get } from '../api/client';
import type { Profile } from '../api/types';
import { useFormat } from '../format';
import { Actions } from '../person/actions';
import { Activity } from '../person/activity';
import { Consents } from '../person/consents';
import { Computed, Identifiers, Memberships, Origin, Traits } from '../person/details';
import { Favourites } from '../person/favourites';
import { Identity } from '../person/identity';
import { Orders, Visits } from '../person/lists';
import { Timeline } from '../person/timeline';
import { nameOf } from '../profile-name';
import { useWs } from '../session';
import { PageHead } from '../ui/page';
import { Empty, Failed, Loading } from '../ui/states';

const NAME_MOST = 120;

function Figure({ label, value, hint }: { label: string; value: string; hint?: string }) {
  return (
    <div className="kern-card" style={{ padding: '0.8rem 1rem' }}>
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <Text fz="xl" fw={640} title={hint} className="kern-tabular">
        {value}
      </Text>
    </div>
  );
}

function Figures({ profile: p }: { profile: Profile }) {
  const { t } = useTranslation();
  const format = useFormat();
  const c = p.counters;
  return (
    <SimpleGrid cols={{ base: 2, xs: 3, lg: 6 }} spacing="sm" mb="md">
      <Figure label={t('profile.revenue')} value={c.revenue.length > 0 ? c.revenue.map((r) => format.money(r.amount, r.currency)).join(' · ') : '–'} />
      <Figure label={t('profile.orders')} value={format.number(c.orders)} />
      <Figure label={t('profile.sessions')} value={format.number(c.sessions)} />
      <Figure label={t('profile.events')} value={format.number(c.events)} />
      <Figure label={t('profile.firstSeen')} value={format.ago(p.first_seen_at)} hint={format.dateTime(p.first_seen_at)} />
      <Figure label={t('profile.lastSeen')} value={format.ago(p.last_seen_at)} hint={format.dateTime(p.last_seen_at)} />
    </SimpleGrid>
  );
}

/** What they did: a list at a time. */
function Deeds({ id }: { id: string }) {
  const { t } = useTranslation();
  return (
    <section className="kern-card" aria-label={t('profile.timeline')}>
      <Tabs defaultValue="timeline" keepMounted={false} pt="xs">
        <Tabs.List px="sm">
          <Tabs.Tab value="timeline">{t('profile.timeline')}</Tabs.Tab>
          <Tabs.Tab value="orders">{t('person.orders')}</Tabs.Tab>
          <Tabs.Tab value="visits">{t('person.visits')}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="timeline">
          <Timeline id={id} />
        </Tabs.Panel>
        <Tabs.Panel value="orders" pt="xs">
          <Orders id={id} />
        </Tabs.Panel>
        <Tabs.Panel value="visits" pt="xs">
          <Visits id={id} />
        </Tabs.Panel>
      </Tabs>
    </section>
  );
}

export function ProfilePage({ id }: { id: string }) {
  const { t } = useTranslation();
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
    const status = profile.error instanceof ApiError ? profile.error.status : 0;
    return (
      <>
        {back}
        {status === 403 ? (
          <Empty title={t('person.forbidden')} hint={t('person.forbiddenHint')} />
        ) : status === 404 || status === 400 ? (
          <Empty title={t('profile.notFound')} />
        ) : (
          <Failed error={profile.error} retry={() => profile.refetch()} />
        )}
      </>
    );
  }
  if (profile.isPending) return <Loading />;
  const p = profile.data;
  const name = nameOf(p) ?? t('profiles.unknown');
  return (
    <>
      {back}
      <PageHead title={name.length > NAME_MOST ? `${name.slice(0, NAME_MOST)} …` : name} lead={p.id} actions={<Actions profile={p} />} />
      <Figures profile={p} />
      <Activity id={p.id} currency={p.counters.revenue[0]?.currency} />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Stack gap="md">
          <Traits profile={p} />
          <Computed profile={p} />
          <Favourites id={p.id} />
          <Memberships profile={p} />
          <Consents id={p.id} consents={p.consents} />
          <Identifiers profile={p} />
          <Origin profile={p} />
          <Identity profile={p} />
        </Stack>
        <div>
          <Deeds id={p.id} />
        </div>
      </SimpleGrid>
    </>
  );
}
