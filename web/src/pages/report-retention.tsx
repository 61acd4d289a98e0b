import { Group, Select } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format';
import { EventInput, SegmentSelect } from '../reports/controls';
import { DrillNumber } from '../reports/drill';
import { Answer, CsvButton, ReportPage } from '../reports/frame';
import { usePeriod } from '../reports/period';
import { useReportState } from '../reports/state';
import type { Request, RetentionReport } from '../reports/types';
import { useReport } from '../reports/use-report';
import { Card } from '../ui/page';

const RETENTION = { first: 'Order Completed', return: 'Order Completed', unit: '', segment: '' };
const UNITS = ['day', 'week', 'month'] as const;
const PERIODS = 12;

/** The more come back the fuller the colour; the text keeps its contrast on every shade. */
const shade = (part: number) => ({
  background: `color-mix(in srgb, var(--kern-heat) ${Math.round(Math.min(1, part) * 38)}%, transparent)`,
});

function Grid({ answer, unit, request }: { answer: RetentionReport; unit: string; request: Request }) {
  const { t } = useTranslation();
  const format = useFormat();
  const columns = Array.from({ length: Math.max(1, ...answer.cohorts.map((c) => c.returned.length)) }, (_, i) => i);
  // Period 0 is mostly full; the scale is that of the periods after it.
  const most = Math.max(0.01, ...answer.cohorts.flatMap((c) => c.returned.slice(1).map((n) => (c.size > 0 ? (n ?? 0) / c.size : 0))));
  const begun = answer.cohorts.findIndex((c) => c.size > 0);
  const name = unit === 'month' ? format.month : format.shortDate;
  return (
    <div className="kern-scroll" role="region" aria-label={t('reports.table')} tabIndex={0}>
      <table className="kern-table kern-heat">
        <thead>
          <tr>
            <th scope="col">{t('reports.cohort')}</th>
            <th scope="col" className="number">
              {t('reports.size')}
            </th>
            {columns.map((n) => (
              <th scope="col" key={n} style={{ textAlign: 'center' }}>
                {n}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {answer.cohorts.map((c, cohort) => cohort < begun ? null : (
            <tr key={c.start}>
              <th scope="row">{name(c.start)}</th>
              <td className="number">
                <DrillNumber value={c.size} drill={{ title: name(c.start), kind: 'retention', body: { ...request, cell: { cohort } } }}>
                  {format.number(c.size)}
                </DrillNumber>
              </td>
              {columns.map((period) => {
                const came = c.returned[period] ?? null;
                const share = came === null || c.size === 0 ? null : came / c.size;
                return (
                  <td className="number" key={period} style={share ? shade(share / most) : undefined} title={came === null ? undefined : format.number(came)}>
                    {share !== null && (
                      <DrillNumber value={came} drill={{ title: `${name(c.start)} · ${t('reports.after', { period: `${period} ${t(`unit.${unit}`, { count: period })}` })}`, kind: 'retention', body: { ...request, cell: { cohort, period } } }}>
                        {format.percent(share)}
                      </DrillNumber>
                    )}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Retention() {
  const { t } = useTranslation();
  const period = usePeriod();
  const [state, change] = useReportState(RETENTION);
  const [settled] = useDebouncedValue(state, 300);
  const usual = period.days <= 14 ? 'day' : period.days <= 90 ? 'week' : 'month';
  const unit = UNITS.find((u) => u === settled.unit) ?? usual;
  const match = (event: string) => (event ? { event } : {});
  const request: Request = { first: match(settled.first), return: match(settled.return), unit, periods: PERIODS, from: period.from, to: period.to, ...(settled.segment ? { segment: settled.segment } : {}) };
  const result = useReport<RetentionReport>('retention', request);
  return (
    <>
      <Card>
        <Group p="md" gap="sm" align="end">
          <EventInput label={t('reports.first')} placeholder={t('reports.anyEvent')} value={state.first} onChange={(first) => change({ first })} />
          <EventInput label={t('reports.return')} placeholder={t('reports.anyEvent')} value={state.return} onChange={(text) => change({ return: text })} />
          <Select w={{ base: '100%', xs: 110 }} label={t('reports.unit')} allowDeselect={false} data={UNITS.map((u) => ({ value: u as string, label: t(`reports.units.${u}`) }))} value={unit} onChange={(u) => change({ unit: u ?? '' })} />
          <SegmentSelect value={state.segment} onChange={(segment) => change({ segment })} />
        </Group>
      </Card>
      <Card title={t('reports.result')} hint={t('reports.retentionHint')}>
        <Answer result={result}>
          {(answer) => (
            <>
              <Grid answer={answer} unit={unit} request={request} />
              <Group justify="end" px="md" pt="sm">
                <CsvButton name="kern-retention" rows={() => [[t('reports.cohort'), t('reports.size'), ...Array.from({ length: PERIODS + 1 }, (_, i) => i)], ...answer.cohorts.map((c) => [c.start, c.size, ...c.returned])]} />
              </Group>
            </>
          )}
        </Answer>
      </Card>
    </>
  );
}

export default function RetentionPage() {
  const { t } = useTranslation();
  return (
    <ReportPage title={t('reports.kinds.retention')} lead={t('reports.leads.retention')}>
      <Retention />
    </ReportPage>
  );
}
