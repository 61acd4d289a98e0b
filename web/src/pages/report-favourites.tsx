import { Group, NumberInput, SegmentedControl } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';
import { SegmentSelect } from '../reports/controls';
import { FAVOURITES, FavouritesView } from '../reports/favourites-view';
import { ReportPage } from '../reports/frame';
import { usePeriod } from '../reports/period';
import { useReportState } from '../reports/state';
import { Info } from '../ui/info';
import { Card } from '../ui/page';

const KINDS = ['brand', 'category'];

function Favourites() {
  const { t } = useTranslation();
  const period = usePeriod();
  const [state, change] = useReportState(FAVOURITES);
  const [settled] = useDebouncedValue(state, 300);
  return (
    <>
      <Card>
        <Group p="md" gap="sm" align="end">
          <SegmentedControl data={KINDS.map((of) => ({ value: of, label: t(`reports.favouriteOf.${of}`) }))} value={state.of} onChange={(of) => change({ of })} aria-label={t('reports.kinds.favourites')} />
          <NumberInput w={{ base: '100%', xs: 200 }} label={t('reports.halfLife')} min={1} max={3650} allowDecimal={false} value={Number(state.half) || 30} onChange={(v) => change({ half: String(Number(v) || 30) })} />
          <SegmentSelect value={state.segment} onChange={(segment) => change({ segment })} />
        </Group>
      </Card>
      <Card title={t('reports.result')} actions={<Info of={t('reports.kinds.favourites')} text={t('reports.info.favourites')} />}>
        <FavouritesView state={settled} period={period} change={change} />
      </Card>
    </>
  );
}

export default function FavouritesPage() {
  const { t } = useTranslation();
  return (
    <ReportPage kind="favourites" title={t('reports.kinds.favourites')} lead={t('reports.leads.favourites')} timeless>
      <Favourites />
    </ReportPage>
  );
}
