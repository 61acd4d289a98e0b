import { Autocomplete, Group, Select } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format';
import { groupName } from '../reports/breakdown';
import { BreakdownSelect, EventInput, SegmentSelect } from '../reports/controls';
import { DrillNumber, useDrill } from '../reports/drill';
import { Answer, CsvButton, ReportPage } from '../reports/frame';
import { unitsOf, usePeriod, type Period } from '../reports/period';
import { breakdownText, isMoney, SERIES, seriesRequest, unitOf, type SeriesState } from '../reports/series-request';
import { useReportState } from '../reports/state';
import type { Request, SeriesReport, Unit, Value } from '../reports/types';
import { useReport } from '../reports/use-report';
import { useCatalog } from '../segments/catalog';
import { useSession } from '../session';
import { Card } from '../ui/page';
import { Lines } from '../ui/lines';

const MEASURES = ['events', 'profiles', 'sum', 'average'];

function Settings({ state, change, period }: { state: SeriesState; change: (next: Partial<SeriesState>) => void; period: Period }) {
  const { t } = useTranslation();
  const catalog = useCatalog();
  const sums = state.measure === 'sum' || state.measure === 'average';
  const orders = state.of === 'orders';
  const numbers = catalog.properties(state.event).filter((f) => f.types.includes('number'));
  return (
    <Group p="md" gap="sm" align="end">
      <Select w={{ base: '100%', xs: 150 }} label={t('reports.of')} allowDeselect={false} data={['events', 'orders'].map((of) => ({ value: of, label: t(`reports.ofs.${of}`) }))} value={state.of} onChange={(of) => change({ of: of ?? 'events' })} />
      {!orders && <EventInput label={t('reports.event')} placeholder={t('reports.anyEvent')} value={state.event} onChange={(event) => change({ event })} />}
      <Select w={{ base: '100%', xs: 170 }} label={t('reports.measure')} allowDeselect={false} data={MEASURES.map((m) => ({ value: m, label: t(`reports.measures.${orders ? 'orders' : 'events'}.${m}`) }))} value={state.measure} onChange={(m) => change({ measure: m ?? 'events' })} />
      {sums && !orders && <Autocomplete w={{ base: '100%', xs: 150 }} label={t('builder.property')} data={numbers.map((f) => f.path)} value={state.property} onChange={(property) => change({ property })} />}
      <Select w={{ base: '100%', xs: 110 }} label={t('reports.unit')} allowDeselect={false} data={unitsOf(period.days).map((u) => ({ value: u as string, label: t(`reports.units.${u}`) }))} value={unitOf(state, period)} onChange={(unit) => change({ unit: unit ?? '' })} />
      {!isMoney(state) && <BreakdownSelect event={state.event} value={breakdownText(state)} onChange={(by) => change({ by })} sessions={!orders} />}
      <SegmentSelect value={state.segment} onChange={(segment) => change({ segment })} />
    </Group>
  );
}

function useLabels(unit: Unit) {
  const format = useFormat();
  return unit === 'hour' ? (iso: string) => `${format.shortDate(iso)} ${format.time(iso)}` : unit === 'month' ? format.month : format.shortDate;
}

function Table({ answer, name, labelOf, show, request }: { answer: SeriesReport; name: (v: Value) => string; labelOf: (iso: string) => string; show: (v: number, group: Value) => string; request: Request }) {
  const { t } = useTranslation();
  const grouped = request.breakdown !== undefined;
  return (
    <div className="kern-scroll" role="region" aria-label={t('reports.table')} tabIndex={0}>
      <table className="kern-table">
        <thead>
          <tr>
            <th scope="col">{t('reports.when')}</th>
            {answer.groups.map((g) => (
              <th scope="col" className="number" key={JSON.stringify(g.value)}>
                {name(g.value)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {answer.starts.map((start, point) => (
            <tr key={start}>
              <th scope="row">{labelOf(start)}</th>
              {answer.groups.map((g) => {
                const value = g.points[point] ?? null;
                const drill = { title: `${labelOf(start)} · ${name(g.value)}`, kind: 'series', body: { ...request, cell: grouped ? { point, group: g.value } : { point } } };
                return (
                  <td className="number" key={JSON.stringify(g.value)}>
                    <DrillNumber drill={drill} value={value}>
                      {value === null ? '–' : show(value, g.value)}
                    </DrillNumber>
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

function Result({ state, period, request }: { state: SeriesState; period: Period; request: Request }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { workspace } = useSession();
  const show = useDrill();
  const labelOf = useLabels(unitOf(state, period));
  const result = useReport<SeriesReport>('series', request);
  const by = breakdownText(state);
  const title = t(`reports.measures.${state.of === 'orders' ? 'orders' : 'events'}.${state.measure}`);
  const name = (value: Value) => (by ? groupName(by, value, t) : title);
  const money = isMoney(state);
  const text = (value: number, group: Value = workspace.currency) => (money ? format.money(value, String(group ?? workspace.currency)) : format.number(value));
  return (
    <Answer result={result}>
      {(answer) => (
        <>
          <Lines
            label={t('reports.chart', { title })}
            labels={answer.starts.map(labelOf)}
            lines={answer.groups.map((g) => ({ name: name(g.value), points: g.points }))}
            format={(v) => text(v)}
            onPoint={(point) => show({ title: labelOf(answer.starts[point]!), kind: 'series', body: { ...request, cell: { point } } })}
          />
          <Group justify="end" px="md" pb="xs">
            <CsvButton name="kern-series" rows={() => [[t('reports.when'), ...answer.groups.map((g) => name(g.value))], ...answer.starts.map((s, i) => [s, ...answer.groups.map((g) => g.points[i])])]} />
          </Group>
          <Table answer={answer} name={name} labelOf={labelOf} show={text} request={request} />
        </>
      )}
    </Answer>
  );
}

function Series() {
  const { t } = useTranslation();
  const period = usePeriod();
  const [state, change] = useReportState(SERIES);
  const [settled] = useDebouncedValue(state, 250);
  const request = seriesRequest(settled, period);
  return (
    <>
      <Card>
        <Settings state={state} change={change} period={period} />
      </Card>
      <Card title={t('reports.result')} hint={request ? undefined : t('reports.needsProperty')}>
        {request && <Result state={settled} period={period} request={request} />}
      </Card>
    </>
  );
}

export default function SeriesPage() {
  const { t } = useTranslation();
  return (
    <ReportPage title={t('reports.kinds.series')} lead={t('reports.leads.series')}>
      <Series />
    </ReportPage>
  );
}
