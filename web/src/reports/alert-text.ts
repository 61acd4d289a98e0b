import { useTranslation } from 'react-i18next';
import { useFormat } from '../format';
import type { Alert } from './documents';

/** What an alert watches, and how it stands, in words. */
export function useAlertText() {
  const { t } = useTranslation();
  const format = useFormat();
  return {
    rule: (a: Alert, nameOf: (a: Alert) => string) => t(`alerts.rules.${a.kind}`, { hours: a.hours, days: a.days, percent: a.percent, name: nameOf(a) }),
    state: (a: Alert) => {
      if (a.state === 'unknown' || a.state === 'missing' || a.state === 'off') return t(`alerts.states.${a.state}`);
      if (a.kind === 'segment_change') return t('alerts.sizes', { before: format.number(a.size_before ?? 0), now: format.number(a.size ?? 0), change: format.change((a.size ?? 0) / Math.max(1, a.size_before ?? 1) - 1) });
      return t(a.kind === 'no_orders' ? 'alerts.lastOrder' : 'alerts.lastEvent', { ago: a.last_at ? format.ago(a.last_at) : '–' });
    },
  };
}
