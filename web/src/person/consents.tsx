/** What somebody allows, with the proof, and every choice before it. */
import { Badge, Button, Text } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { get } from '../api/client';
import type { Consent, Page } from '../api/types';
import { useFormat } from '../format';
import { useWs } from '../session';
import { Card } from '../ui/page';
import { Failed, LoadingRows } from '../ui/states';
import { Facts, Quiet, useSourceName } from './facts';
import type { GivenConsent } from './types';

const STATE_COLOR = { granted: 'kern', denied: 'red', unknown: 'gray', conflict: 'apricot' } as const;

function Proof({ consent, proof }: { consent: Omit<Consent, 'state'>; proof?: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const sourceName = useSourceName();
  const parts = [
    format.dateTime(consent.at),
    t('profile.via', { source: sourceName(consent.source) }),
    t('person.basis', { basis: t(`person.bases.${consent.basis}`, { defaultValue: consent.basis }) }),
    consent.text_version && t('profile.textVersion', { version: consent.text_version }),
    proof && `${t('profile.proof')}: ${proof}`,
  ];
  return (
    <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
      {parts.filter(Boolean).join(' · ')}
    </Text>
  );
}

function State({ state }: { state: Consent['state'] }) {
  const { t } = useTranslation();
  return <Badge color={STATE_COLOR[state]}>{t(`consent.${state}`)}</Badge>;
}

function History({ id }: { id: string }) {
  const { t } = useTranslation();
  const ws = useWs();
  const list = useInfiniteQuery({
    queryKey: ['consents', ws(''), id],
    queryFn: ({ pageParam, signal }) => get<Page<GivenConsent>>(ws(`/profiles/${id}/consents`), { limit: 50, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  if (list.isError) return <Failed error={list.error} retry={() => list.refetch()} />;
  if (list.isPending) return <LoadingRows rows={2} />;
  const given = list.data.pages.flatMap((p) => p.data);
  if (given.length === 0) return <Quiet>{t('person.noHistory')}</Quiet>;
  return (
    <>
      <ol className="kern-timeline" style={{ padding: '0 1rem 1rem' }} aria-label={t('person.consentHistory')}>
        {given.map((c, i) => (
          <li key={i}>
            <Text size="sm" component="div">
              {c.purpose === '*' ? t('person.everyPurpose') : t(`purpose.${c.purpose}`, { defaultValue: c.purpose })} <State state={c.state} />
            </Text>
            <Proof consent={c} proof={c.message_id} />
          </li>
        ))}
      </ol>
      {list.hasNextPage && (
        <Button m="md" mt={0} variant="light" loading={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
          {t('state.more')}
        </Button>
      )}
    </>
  );
}

export function Consents({ id, consents }: { id: string; consents: Consent[] }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <Card
      title={t('profile.consents')}
      actions={
        <Button size="compact-sm" variant="subtle" onClick={() => setOpen(!open)} aria-expanded={open}>
          {t('person.consentHistory')}
        </Button>
      }
    >
      {consents.length === 0 ? (
        <Quiet>{t('profile.noConsents')}</Quiet>
      ) : (
        <Facts
          rows={consents.map((c) => [
            t(`purpose.${c.purpose}`, { defaultValue: c.purpose }),
            <>
              <State state={c.state} />
              <Proof consent={c} proof={c.proof} />
            </>,
          ])}
        />
      )}
      {open && <History id={id} />}
    </Card>
  );
}
