import { Group, Select } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format';
import { groupName } from './breakdown';
import { DrillNumber } from './drill';
import { Exports } from './exports';
import { Answer } from './frame';
import { moreThan } from './limit';
import { usePeriodText } from './period-text';
import { PERIODS, retentionBy, retentionRequest, retentionUnit, type RetentionState } from './retention-request';
import type { Cohort, Request, RetentionReport, Value } from './types';
import { useReport } from './use-report';
import { more, type ViewProps } from './view';

/** The more come back the fuller the colour; the text keeps its contrast on every shade. */
const shade = (part: number) => ({
  background: `color-mix(in srgb, var(--kern-heat) ${Math.round(Math.min(1, part) * 38)}%, transparent)`,
});

const shareOf = (c: Cohort, period: number) => {
  const came = c.returned[period] ?? null;
  return came === null || c.size === 0 ? null : came / c.size;
};

/** Those before the first that anybody began in say nothing. */
const begun = (cohorts: Cohort[]) => {
  const first = cohorts.findIndex((c) => c.size > 0);
  return cohorts.map((c, i) => ({ ...c, i })).slice(first < 0 ? cohorts.length : first);
};

/** Period 0 is mostly full; the scale is that of the periods after it. */
const scaleOf = (cohorts: Cohort[]) => Math.max(0.01, ...cohorts.flatMap((c) => c.returned.map((_, n) => (n === 0 ? 0 : (shareOf(c, n) ?? 0)))));

interface GridProps {
  cohorts: Cohort[];
  unit: string;
  request: Request;
  cell: Record<string, unknown>;
  title: string;
}

function Grid({ cohorts, unit, request, cell, title }: GridProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const columns = Array.from({ length: Math.max(1, ...cohorts.map((c) => c.returned.length)) }, (_, i) => i);
  const most = scaleOf(cohorts);
  const name = (c: Cohort) => `${(unit === 'month' ? format.month : format.shortDate)(c.start)}`;
  const drill = (c: Cohort, i: number, period?: number) => ({
    title: [title, name(c), period === undefined ? '' : t('reports.after', { period: `${period} ${t(`unit.${unit}`, { count: period })}` })].filter(Boolean).join(' · '),
    kind: 'retention',
    body: { ...request, cell: { ...cell, cohort: i, ...(period === undefined ? {} : { period }) } },
  });
  return (
    <div className="kern-scroll" role="region" aria-label={t('reports.table')} tabIndex={0}>
      <table className="kern-table kern-heat kern-pinned">
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
          {begun(cohorts).map((c) => (
            <tr key={c.start}>
              <th scope="row">{name(c)}</th>
              <td className="number">
                <DrillNumber value={c.size} drill={drill(c, c.i)}>
                  {format.number(c.size)}
                </DrillNumber>
              </td>
              {columns.map((period) => {
                const share = shareOf(c, period);
                return (
                  <td className="number" key={period} style={share ? shade(share / most) : undefined} title={share === null ? undefined : format.number(c.returned[period]!)}>
                    {share !== null && (
                      <DrillNumber value={c.returned[period]!} drill={drill(c, c.i, period)}>
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

const keyOf = (value: Value) => JSON.stringify(value);

function Result({ answer, request, state, period, small }: ViewProps<RetentionState> & { answer: RetentionReport; request: Request }) {
  const { t } = useTranslation();
  const format = useFormat();
  const note = usePeriodText()(period);
  const [chosen, choose] = useState<string | null>(null);
  const unit = retentionUnit(state, period);
  const by = retentionBy(state);
  const group = answer.groups?.find((g) => keyOf(g.value) === chosen);
  const cohorts = group?.cohorts ?? answer.cohorts;
  const title = group ? groupName(by, group.value, t) : '';
  const start = unit === 'month' ? format.month : format.shortDate;
  const most = scaleOf(cohorts);
  const columns = Array.from({ length: PERIODS + 1 }, (_, i) => i);
  const rows = (name: string, list: Cohort[]) => list.map((c) => [name, c.start, c.size, ...c.returned]);
  return (
    <>
      {answer.groups && (
        <Group px="md" pb="sm">
          <Select w={{ base: '100%', xs: 260 }} searchable allowDeselect={false} label={t('reports.group')} data={[{ value: '', label: t('reports.everyone') }, ...answer.groups.map((g) => ({ value: keyOf(g.value), label: groupName(by, g.value, t) }))]} value={group ? chosen : ''} onChange={(next) => choose(next)} />
        </Group>
      )}
      <Grid cohorts={cohorts} unit={unit} request={request} cell={group ? { group: group.value } : {}} title={title} />
      {!small && (
        <Exports
          name="kern-retention"
          rows={() => [[t('reports.group'), t('reports.cohort'), t('reports.size'), ...columns], ...rows(t('reports.everyone'), answer.cohorts), ...(answer.groups ?? []).flatMap((g) => rows(groupName(by, g.value, t), g.cohorts))]}
          picture={() => ({
            kind: 'heat',
            title: [t('reports.kinds.retention'), title].filter(Boolean).join(' · '),
            note,
            columns: [t('reports.size'), ...columns.map(String)],
            rows: begun(cohorts).map((c) => ({
              name: start(c.start),
              cells: [{ text: format.number(c.size), share: 0 }, ...columns.map((n) => ({ text: shareOf(c, n) === null ? '' : format.percent(shareOf(c, n)!), share: (shareOf(c, n) ?? 0) / most }))],
            })),
          })}
        />
      )}
    </>
  );
}

export function RetentionView(props: ViewProps<RetentionState>) {
  const request = retentionRequest(props.state, props.period);
  const result = useReport<RetentionReport>('retention', request);
  return (
    <Answer result={result} onMore={more(props, moreThan(props.state.top))}>
      {(answer) => <Result {...props} answer={answer} request={request} />}
    </Answer>
  );
}
