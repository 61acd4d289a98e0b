/** "Does it work?": one sentence from the figures of a source. */
import { Alert, Text } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconClock } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Source } from '../api/types';
import { useFormat } from '../format';

const QUIET_MS = 24 * 3600e3;
const MANY_REFUSED = 0.1;

export type Health = 'off' | 'silent' | 'refusing' | 'stopped' | 'works';

/** A source that refuses more than one in ten has a problem, whatever else came in. */
export function healthOf(source: Source, now: number): Health {
  const s = source.statistics;
  const seen = (s?.events ?? 0) + (s?.rejects ?? 0);
  if (!source.enabled) return 'off';
  if (!s || seen === 0) return 'silent';
  if (s.rejects / seen > MANY_REFUSED) return 'refusing';
  if (!s.last_event_at || now - Date.parse(s.last_event_at) > QUIET_MS) return 'stopped';
  return 'works';
}

const LOOK = {
  off: { color: 'gray', icon: IconAlertTriangle },
  silent: { color: 'gray', icon: IconClock },
  refusing: { color: 'apricot', icon: IconAlertTriangle },
  stopped: { color: 'apricot', icon: IconClock },
  works: { color: 'kern', icon: IconCircleCheck },
} as const;

export function Check({ source, now }: { source: Source; now: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const health = healthOf(source, now);
  const s = source.statistics;
  const Icon = LOOK[health].icon;
  const total = (s?.events ?? 0) + (s?.rejects ?? 0);
  return (
    <Alert color={LOOK[health].color} title={t('live.check')} icon={<Icon aria-hidden />} role="status">
      <Text size="sm">{t(`live.${health}`, { when: s?.last_event_at ? format.ago(s.last_event_at) : '', count: s?.rejects ?? 0, total: format.number(total) })}</Text>
      {s && total > 0 && (
        <Text size="sm" c="dimmed">
          {t('live.counts', { events: format.number(s.events), duplicates: format.number(s.duplicates), rejects: format.number(s.rejects) })}
        </Text>
      )}
    </Alert>
  );
}
