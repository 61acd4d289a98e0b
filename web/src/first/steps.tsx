/** The first steps of an empty workspace: connect, see it arrive, build a segment. */
import { Badge, Button, Code, Group, Loader, Select, Stack, Text, Title } from '@mantine/core';
import { IconCircleCheck } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { get } from '../api/client';
import type { Page, Source } from '../api/types';
import { sentence } from '../event-text';
import { useFormat } from '../format';
import { Folded } from '../person/facts';
import { useSession, useWs } from '../session';
import { useArrivals } from '../sources/arrivals';
import { Connect } from '../sources/connect';
import { Failed, LoadingRows } from '../ui/states';

const SHOWN = 4;

function Step({ n, title, hint, done, children }: { n: number; title: string; hint: string; done?: boolean; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <li className="kern-card">
      <Group px="md" pt="md" gap="sm">
        <Badge color={done ? 'kern' : 'gray'} leftSection={done ? <IconCircleCheck size={13} aria-hidden /> : undefined}>
          {t('first.step', { n })}
          {done ? ` · ${t('first.ready')}` : ''}
        </Badge>
        <Title order={2}>{title}</Title>
      </Group>
      <Text px="md" pb="sm" size="sm" c="dimmed">
        {hint}
      </Text>
      {children}
    </li>
  );
}

function Arriving({ source }: { source?: Source }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { caller } = useSession();
  // What arrives is for those who look after sources; others wait for the profiles it makes.
  const { arrivals, poll } = useArrivals(caller.permissions.includes('sources') ? source?.id : undefined);
  const refused = arrivals.find((a) => a.outcome === 'refused');
  const seen = arrivals.filter((a) => a.event).slice(0, SHOWN);
  if (poll.isError && arrivals.length === 0) return <Failed error={poll.error} retry={() => poll.refetch()} />;
  return (
    <Stack px="md" pb="md" gap="xs" aria-live="polite">
      {seen.length === 0 && (
        <Group gap="sm">
          <Loader type="dots" size="sm" aria-hidden />
          <Text size="sm">{t('first.waiting')}</Text>
        </Group>
      )}
      {refused && seen.length === 0 && (
        <Text size="sm" className="kern-wrong">
          {t('first.refused', { reason: refused.refusal?.detail ?? refused.refusal?.reason })}
        </Text>
      )}
      {seen.length > 0 && (
        <>
          <Text fw={560}>{t('first.arrived')}</Text>
          <ol className="kern-timeline">
            {seen.map((a) => (
              <li key={a.number}>
                <Text size="sm" component="div" style={{ overflowWrap: 'anywhere' }}>
                  <Folded text={sentence(t, a.event!, format.money)} />
                </Text>
                <Text size="xs" c="dimmed">
                  {a.at && format.clock(a.at)}
                </Text>
              </li>
            ))}
          </ol>
        </>
      )}
    </Stack>
  );
}

function History() {
  const { t } = useTranslation();
  const { workspace } = useSession();
  return (
    <li className="kern-card">
      <Stack p="md" gap={6}>
        <Title order={2}>{t('first.history')}</Title>
        <Text size="sm" c="dimmed">
          {t('first.historyHint')}
        </Text>
        <Code block className="kern-code">{`kern import --url ${location.origin} --token TOKEN --workspace ${workspace.id} FILE.ndjson`}</Code>
      </Stack>
    </li>
  );
}

export function Steps() {
  const { t } = useTranslation();
  const { caller } = useSession();
  const ws = useWs();
  const client = useQueryClient(); // figures of before the first event send one back here
  const [chosen, setChosen] = useState<string | null>(null);
  const sources = useQuery({ queryKey: ['sources', ws('')], queryFn: ({ signal }) => get<Page<Source>>(ws('/sources'), { limit: 1000 }, signal), refetchInterval: 3000 });
  if (sources.isError) return <Failed error={sources.error} retry={() => sources.refetch()} />;
  if (sources.isPending) return <LoadingRows />;
  const usable = sources.data.data.filter((s) => s.enabled && s.write_keys.length > 0);
  const source = usable.find((s) => s.id === chosen) ?? usable[0];
  const arrived = usable.some((s) => (s.statistics?.events ?? 0) > 0);
  return (
    <ol className="kern-steps">
      <Step n={1} title={t('first.connect')} hint={t('first.connectHint')} done={arrived}>
        {usable.length > 1 && <Select px="md" pb="sm" maw={340} label={t('sources.title')} allowDeselect={false} data={usable.map((s) => ({ value: s.id, label: s.name }))} value={source!.id} onChange={setChosen} />}
        {source ? (
          <Connect key={source.id} source={source} />
        ) : (
          <Text px="md" pb="md">
            {t('first.noSource')}
          </Text>
        )}
      </Step>
      <Step n={2} title={t('first.wait')} hint={t('first.waitHint')} done={arrived}>
        {caller.permissions.includes('sources') ? (
          <Arriving source={source} />
        ) : (
          <Text px="md" pb="md" size="sm" aria-live="polite">
            {t(arrived ? 'first.arrived' : 'first.waiting')}
          </Text>
        )}
      </Step>
      <Step n={3} title={t('first.segment')} hint={t('first.segmentHint')}>
        <Group px="md" pb="md" gap="sm">
          {arrived ? (
            <Button component={Link} href="/segments/new">
              {t('first.segmentGo')}
            </Button>
          ) : (
            <Text size="sm" c="dimmed">
              {t('first.later')}
            </Text>
          )}
          {arrived && (
            <Button component={Link} href="/" variant="subtle" onClick={() => client.removeQueries({ queryKey: ['report'] })}>
              {t('first.done')}
            </Button>
          )}
        </Group>
      </Step>
      <History />
    </ol>
  );
}
