/** The live event debugger: what arrives, what became of it and why. */
import { Badge, Button, Group, SegmentedControl, Text, TextInput } from '@mantine/core';
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Source } from '../api/types';
import { sentence } from '../event-text';
import { useFormat } from '../format';
import { Folded, Quiet } from '../person/facts';
import { Card } from '../ui/page';
import { Failed, LoadingRows } from '../ui/states';
import { Unfold } from '../ui/unfold';
import { textOfArrival, useArrivals, type Arrival } from './arrivals';

const COLOR = { accepted: 'kern', duplicate: 'gray', refused: 'apricot' } as const;
const OUTCOMES = ['all', 'accepted', 'duplicate', 'refused'] as const;

function Row({ arrival: a }: { arrival: Arrival }) {
  const { t } = useTranslation();
  const format = useFormat();
  const text = a.too_large ? t('live.tooLarge') : a.event ? sentence(t, a.event, format.money) : (a.refusal?.detail ?? a.refusal?.reason ?? '');
  return (
    <li>
      <Unfold at={a.at} time={a.at && format.clock(a.at)} value={a.event ?? a.refusal ?? null}>
        <Group gap="xs" wrap="nowrap" align="start" style={{ minWidth: 0 }}>
          <Badge color={COLOR[a.outcome]} style={{ flex: 'none' }}>
            {t(`live.outcomes.${a.outcome}`)}
          </Badge>
          <Text size="sm" component="div" style={{ overflowWrap: 'anywhere', minWidth: 0 }}>
            <Folded text={text} />
          </Text>
        </Group>
      </Unfold>
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
