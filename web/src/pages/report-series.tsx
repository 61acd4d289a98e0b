import { Autocomplete, Box, Group, Select } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';
import { BreakdownSelect, EventInput, SegmentSelect } from '../reports/controls';
import { filterList, filtersOf } from '../reports/filter';
import { ReportPage } from '../reports/frame';
import { unitsOf, usePeriod, type Period } from '../reports/period';
import { breakdownText, isMoney, SERIES, unitOf, type SeriesState } from '../reports/series-request';
import { SeriesView } from '../reports/series-view';
import { useReportState } from '../reports/state';
import { jsonOf } from '../reports/step';
import { Filters } from '../reports/step-input';
import { useCatalog } from '../segments/catalog';
import { Info } from '../ui/info';
import { Card } from '../ui/page';

const MEASURES = ['events', 'profiles', 'sum', 'average'];

function Settings({ state, change, period }: { state: SeriesState; change: (next: Partial<SeriesState>) => void; period: Period }) {
  const { t } = useTranslation();
  const catalog = useCatalog();
  const sums = state.measure === 'sum' || state.measure === 'average';
  const orders = state.of === 'orders';
  const numbers = catalog.properties(state.event).filter((f) => f.types.includes('number'));
  const filters = filtersOf(jsonOf(state.where));
  return (
    <>
      <Group p="md" gap="sm" align="end">
        <Select w={{ base: '100%', xs: 150 }} label={t('reports.of')} allowDeselect={false} data={['events', 'orders'].map((of) => ({ value: of, label: t(`reports.ofs.${of}`) }))} value={state.of} onChange={(of) => change({ of: of ?? 'events' })} />
        {!orders && <EventInput label={t('reports.event')} placeholder={t('reports.anyEvent')} value={state.event} onChange={(event) => change({ event })} />}
        <Select w={{ base: '100%', xs: 170 }} label={t('reports.measure')} allowDeselect={false} data={MEASURES.map((m) => ({ value: m, label: t(`reports.measures.${orders ? 'orders' : 'events'}.${m}`) }))} value={state.measure} onChange={(m) => change({ measure: m ?? 'events' })} />
        {sums && !orders && <Autocomplete w={{ base: '100%', xs: 150 }} label={t('builder.property')} data={numbers.map((f) => f.path)} value={state.property} onChange={(property) => change({ property })} />}
        <Select w={{ base: '100%', xs: 110 }} label={t('reports.unit')} allowDeselect={false} data={unitsOf(period.days).map((u) => ({ value: u as string, label: t(`reports.units.${u}`) }))} value={unitOf(state, period)} onChange={(unit) => change({ unit: unit ?? '' })} />
        {!isMoney(state) && <BreakdownSelect event={state.event} value={breakdownText(state)} onChange={(by) => change({ by })} sessions={!orders} />}
        <SegmentSelect value={state.segment} onChange={(segment) => change({ segment })} />
      </Group>
      {!orders && (
        <Box px="md" pb="md">
          <Filters event={state.event} label={state.event || t('reports.anyEvent')} filters={filters} onChange={(next) => change({ where: next.length > 0 ? JSON.stringify(filterList(next)) : '' })} />
        </Box>
      )}
    </>
  );
}

function Series() {
  const { t } = useTranslation();
  const period = usePeriod();
  const [state, change] = useReportState(SERIES);
  const [settled] = useDebouncedValue(state, 250);
  return (
    <>
      <Card>
        <Settings state={state} change={change} period={period} />
      </Card>
      <Card title={t('reports.result')} actions={<Info of={t('reports.result')} text={t(`reports.info.${state.of === 'orders' ? 'seriesOrders' : 'series'}`)} />}>
        <SeriesView state={settled} period={period} change={change} />
      </Card>
    </>
  );
}

export default function SeriesPage() {
  const { t } = useTranslation();
  return (
    <ReportPage kind="series" title={t('reports.kinds.series')} lead={t('reports.leads.series')}>
      <Series />
    </ReportPage>
  );
}
