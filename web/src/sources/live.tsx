/** The live event debugger: what arrives, what became of it and why. */
import { Badge, Button, Code, Collapse, Group, SegmentedControl, Text, TextInput, UnstyledButton } from '@mantine/core';
import { IconChevronDown, IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Source } from '../api/types';
import { sentence } from '../event-text';
import { useFormat } from '../format';
import { Folded, Quiet } from '../person/facts';
import { Card } from '../ui/page';
import { Failed, LoadingRows } from '../ui/states';
import { textOfArrival, useArrivals, type Arrival } from './arrivals';

const COLOR = { accepted: 'kern', duplicate: 'gray', refused: 'apricot' } as const;
const OUTCOMES = ['all', 'accepted', 'duplicate', 'refused'] as const;
const LONGEST = 20_000;

function Row({ arrival: a }: { arrival: Arrival }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [open, setOpen] = useState(false);
  const text = a.too_large ? t('live.tooLarge') : a.event ? sentence(t, a.event, format.money) : (a.refusal?.detail ?? a.refusal?.reason ?? '');
  return (
    <li>
      <Group justify="space-between" wrap="nowrap" gap="sm" align="start">
        <Group gap="xs" wrap="nowrap" align="start" style={{ minWidth: 0 }}>
          <Badge color={COLOR[a.outcome]} style={{ flex: 'none' }}>{t(`live.outcomes.${a.outcome}`)}</Badge>
          <Text size="sm" component="div" style={{ overflowWrap: 'anywhere', minWidth: 0 }}>
            <Folded text={text} />
          </Text>
        </Group>
        <UnstyledButton onClick={() => setOpen(!open)} aria-expanded={open}>
          <Group gap={4} wrap="nowrap">
            {a.at && (
              <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
                <time dateTime={a.at}>{format.clock(a.at)}</time>
              </Text>
            )}
            <IconChevronDown size={14} aria-label={t('profile.details')} style={{ rotate: open ? '180deg' : undefined }} />
          </Group>
        </UnstyledButton>
      </Group>
      <Collapse expanded={open}>
        {open && (
          <Code block mt={6} className="kern-code">
            {JSON.stringify(a.event ?? a.refusal ?? null, null, 2).slice(0, LONGEST)}
          </Code>
        )}
      </Collapse>
    </li>
  );
}

export function Live({ source }: { source: Source }) {
  const { t } = useTranslation();
  const { arrivals, poll } = useArrivals(source.id);
  const [frozen, setFrozen] = useState<Arrival[] | null>(null);
  const [outcome, setOutcome] = useState<string>('all');
  const [text, setText] = useState('');
  const wanted = text.trim().toLowerCase();
  const shown = (frozen ?? arrivals).filter((a) => (outcome === 'all' || a.outcome === outcome) && (wanted === '' || textOfArrival(a).includes(wanted)));
  const missed = frozen ? arrivals.findIndex((a) => a.number === frozen[0]?.number) : 0;
  const news = frozen ? (missed === -1 || frozen.length === 0 ? arrivals.length : missed) : 0;
  return (
    <Card
      title={t('live.title')}
      hint={t('live.hint')}
      actions={
        <Button size="compact-sm" variant="light" leftSection={frozen ? <IconPlayerPlay size={14} aria-hidden /> : <IconPlayerPause size={14} aria-hidden />} onClick={() => setFrozen(frozen ? null : arrivals)}>
          {t(frozen ? 'live.resume' : 'live.pause')}
        </Button>
      }
    >
      <Group px="md" pb="sm" gap="sm">
        <SegmentedControl size="xs" aria-label={t('live.title')} data={OUTCOMES.map((value) => ({ value, label: t(`live.outcomes.${value}`) }))} value={outcome} onChange={setOutcome} />
        <TextInput size="xs" type="search" aria-label={t('live.filter')} placeholder={t('live.filter')} value={text} onChange={(e) => setText(e.currentTarget.value)} />
        <Text size="sm" c="dimmed" role="status">
          {frozen && t('live.paused', { count: news })}
        </Text>
      </Group>
      {poll.isError && arrivals.length === 0 ? (
        <Failed error={poll.error} retry={() => poll.refetch()} />
      ) : poll.isPending ? (
        <LoadingRows rows={3} />
      ) : shown.length === 0 ? (
        <Quiet>{t((frozen ?? arrivals).length === 0 ? 'live.waiting' : 'live.nothing')}</Quiet>
      ) : (
        <ol className="kern-arrivals" tabIndex={0} aria-label={t('live.title')}>
          {shown.map((a) => (
            <Row key={a.number} arrival={a} />
          ))}
        </ol>
      )}
    </Card>
  );
}
