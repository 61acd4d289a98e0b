import { Box, Group } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';
import { COMPARE, comparesEvents, CompareView } from '../reports/compare-view';
import { BreakdownSelect, EventInput, SegmentSelect } from '../reports/controls';
import { filterList, filtersOf } from '../reports/filter';
import { ReportPage } from '../reports/frame';
import { usePeriod } from '../reports/period';
import { useReportState } from '../reports/state';
import { jsonOf } from '../reports/step';
import { Filters } from '../reports/step-input';
import { Info } from '../ui/info';
import { Card } from '../ui/page';

function Compare() {
  const { t } = useTranslation();
  const period = usePeriod();
  const [state, change] = useReportState(COMPARE);
  const [settled] = useDebouncedValue(state, 300);
  const filters = filtersOf(jsonOf(state.where));
  return (
    <>
      <Card>
        <Group p="md" gap="sm" align="end">
          <SegmentSelect placeholder={t('reports.choose')} value={state.segment} onChange={(segment) => change({ segment })} />
          <EventInput label={t('reports.event')} placeholder={t('reports.anyEvent')} value={state.event} onChange={(event) => change({ event })} />
          <BreakdownSelect label={t('reports.comparedBy')} event={state.event} value={state.by} onChange={(by) => change({ by: by || COMPARE.by })} />
        </Group>
        {comparesEvents(state) && (
          <Box px="md" pb="md">
            <Filters event={state.event} label={state.event || t('reports.anyEvent')} filters={filters} onChange={(next) => change({ where: next.length > 0 ? JSON.stringify(filterList(next)) : '' })} />
          </Box>
        )}
      </Card>
      <Card title={t('reports.result')} actions={<Info of={t('reports.index')} text={t('reports.info.compare')} />}>
        <CompareView state={settled} period={period} change={change} />
      </Card>
    </>
  );
}

export default function ComparePage() {
  const { t } = useTranslation();
  return (
    <ReportPage kind="compare" title={t('reports.kinds.compare')} lead={t('reports.leads.compare')}>
      <Compare />
    </ReportPage>
  );
}
