/** Who somebody is: traits, segments, consents, identifiers, origin. */
import { Anchor, Button, Modal, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { get } from '../api/client';
import type { Page, Profile, Segment, Touch } from '../api/types';
import { useFormat } from '../format';
import { nameOf } from '../profile-name';
import { useWs } from '../session';
import { Card } from '../ui/page';
import { Failed, LoadingRows } from '../ui/states';
import { Explain } from './explain';
import { Facts, Quiet, useSourceName, Value } from './facts';
import type { SeenTrait } from './types';

export function Traits({ profile }: { profile: Profile }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const sourceName = useSourceName();
  const traits = useQuery({ queryKey: ['traits', ws(''), profile.id], queryFn: ({ signal }) => get<Page<SeenTrait>>(ws(`/profiles/${profile.id}/traits`), {}, signal) });
  return (
    <Card title={t('profile.traits')}>
      {traits.isError ? (
        <Failed error={traits.error} retry={() => traits.refetch()} />
      ) : traits.isPending ? (
        <LoadingRows rows={4} />
      ) : traits.data.data.length === 0 ? (
        <Quiet>{t('profile.noTraits')}</Quiet>
      ) : (
        <Facts
          rows={traits.data.data.map((x) => [
            <bdi key="k">{x.key.slice(0, 120)}</bdi>,
            <>
              <Value value={x.value} />
              <Text size="xs" c="dimmed">
                {format.dateTime(x.at)} · {t('profile.via', { source: sourceName(x.source) })}
              </Text>
            </>,
          ])}
        />
      )}
    </Card>
  );
}

export function Computed({ profile }: { profile: Profile }) {
  const { t } = useTranslation();
  const entries = Object.entries(profile.computed);
  if (entries.length === 0) return null;
  return (
    <Card title={t('person.computed')}>
      <Facts rows={entries.map(([key, value]) => [key, <Value key={key} value={value} />])} />
    </Card>
  );
}

/** The segments somebody is in: since when, and why. */
export function Memberships({ profile }: { profile: Profile }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const [asked, setAsked] = useState<Segment | null>(null);
  const [open, setOpen] = useState(false);
  const all = useQuery({ queryKey: ['segments', ws(''), 'names'], queryFn: ({ signal }) => get<Page<Segment>>(ws('/segments'), { limit: 1000 }, signal), enabled: profile.segments.length > 0 });
  const known = new Map((all.data?.data ?? []).map((s) => [s.key, s]));
  return (
    <Card title={t('profile.segments')}>
      {profile.segments.length === 0 ? (
        <Quiet>{t('profile.noSegments')}</Quiet>
      ) : (
        <table className="kern-table">
          <tbody>
            {profile.segments.map((s) => (
              <tr key={s.key}>
                <td style={{ overflowWrap: 'anywhere' }}>
                  <Anchor component={Link} href={`/segments/${encodeURIComponent(s.key)}`} size="sm">
                    <bdi>{(known.get(s.key)?.name ?? s.key).slice(0, 120)}</bdi>
                  </Anchor>
                  <Text size="xs" c="dimmed" title={format.dateTime(s.since)}>
                    {t('segments.since', { time: format.ago(s.since) })}
                  </Text>
                </td>
                <td className="number">
                  {known.get(s.key)?.query && (
                    <Button
                      size="compact-sm"
                      variant="subtle"
                      aria-label={`${t('person.why')} ${known.get(s.key)!.name.slice(0, 120)}`}
                      onClick={() => {
                        setAsked(known.get(s.key)!);
                        setOpen(true);
                      }}
                    >
                      {t('person.why')}
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <Modal opened={open} onClose={() => setOpen(false)} size="lg" title={asked?.name.slice(0, 120)} closeButtonProps={{ 'aria-label': t('state.close') }}>
        {asked && <Explain query={asked.query ?? `segment('${asked.key}')`} profile={profile.id} name={nameOf(profile) ?? t('profiles.unknown')} />}
      </Modal>
    </Card>
  );
}

export function Identifiers({ profile, actions }: { profile: Profile; actions?: ReactNode }) {
  const { t } = useTranslation();
  const format = useFormat();
  const sourceName = useSourceName();
  return (
    <Card title={t('profile.identifiers')} hint={t('profile.identifiersHint')} actions={actions}>
      <Facts
        rows={profile.identifiers.map((i) => [
          t(`identifier.${i.type}`, { defaultValue: i.type }),
          <>
            <bdi>{i.value}</bdi>
            <Text size="xs" c="dimmed">
              {t('profile.lastSeen')}: {format.dateTime(i.last_seen_at)} · {t('profile.via', { source: sourceName(i.source) })}
            </Text>
          </>,
        ])}
      />
    </Card>
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

export function Origin({ profile }: { profile: Profile }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
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
  );
}
