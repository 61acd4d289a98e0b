import { useTranslation } from 'react-i18next';
import { useFormat } from '../format';
import type { Period } from './period';

/** A period in words: 18 Nov – 24 Nov 2026. Noon is that day in every zone. */
export function usePeriodText() {
  const { t } = useTranslation();
  const { date, shortDate } = useFormat();
  return (period: Period) => {
    const last = new Date(Date.parse(period.to) - 86_400_000 / 2).toISOString();
    return t('reports.fromTo', { from: shortDate(`${period.from}T12:00:00Z`), to: date(last) });
  };
}
