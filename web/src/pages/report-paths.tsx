import { Group, MultiSelect, Select, Switch } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';
import { EventInput, SegmentSelect } from '../reports/controls';
import { ReportPage } from '../reports/frame';
import { eventsOf, PATHS, PathsView, type PathsState } from '../reports/paths-view';
import { usePeriod } from '../reports/period';
import { useReportState } from '../reports/state';
import { useCatalog } from '../segments/catalog';
import { Info } from '../ui/info';
import { Card } from '../ui/page';

const WITHIN = ['30 minutes', '1 day', '7 days', '30 days'] as const;

function Settings({ state, change }: { state: PathsState; change: (next: Partial<PathsState>) => void }) {
  const { t } = useTranslation();
  const { events } = useCatalog();
  const chosen = eventsOf(state.events);
  const names = [...new Set([...events.map((e) => e.name), ...chosen])];
  return (
    <Group p="md" gap="sm" align="end">
      <EventInput label={t('reports.start')} placeholder={t('reports.anyEvent')} value={state.start} onChange={(start) => change({ start })} />
      <Select w={{ base: '100%', xs: 120 }} label={t('reports.length')} allowDeselect={false} data={['2', '3', '4', '5']} value={state.length} onChange={(length) => change({ length: length ?? PATHS.length })} />
      <Select w={{ base: '100%', xs: 170 }} clearable label={t('reports.within')} placeholder={t('reports.noLimit')} data={WITHIN.map((w) => ({ value: w as string, label: t(`reports.withins.${w}`) }))} value={state.within || null} onChange={(within) => change({ within: within ?? '' })} clearButtonProps={{ 'aria-label': t('reports.noLimit') }} />
      <MultiSelect w={{ base: '100%', xs: 260 }} clearable searchable label={t('reports.onlyEvents')} placeholder={chosen.length > 0 ? undefined : t('reports.allEvents')} data={names} value={chosen} onChange={(list) => change({ events: JSON.stringify(list) })} clearButtonProps={{ 'aria-label': t('reports.allEvents') }} />
      <SegmentSelect value={state.segment} onChange={(segment) => change({ segment })} />
      <Switch label={t('reports.repeats')} pb={8} checked={state.repeats !== ''} onChange={(e) => change({ repeats: e.currentTarget.checked ? '1' : '' })} />
    </Group>
  );
}

function Paths() {
  const { t } = useTranslation();
  const period = usePeriod();
  const [state, change] = useReportState(PATHS);
  const [settled] = useDebouncedValue(state, 300);
  return (
    <>
      <Card>
        <Settings state={state} change={change} />
      </Card>
      <Card title={t('reports.result')} actions={<Info of={t('reports.kinds.paths')} text={t('reports.info.paths')} />}>
        <PathsView state={settled} period={period} change={change} />
      </Card>
    </>
  );
}

export default function PathsPage() {
  const { t } = useTranslation();
  return (
    <ReportPage kind="paths" title={t('reports.kinds.paths')} lead={t('reports.leads.paths')}>
      <Paths />
    </ReportPage>
  );
}
