import { Group, SegmentedControl } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { SegmentSelect } from '../reports/controls';
import { CUSTOMERS, CustomersView, groupingOf, GROUPINGS, ScoresCard } from '../reports/customers-view';
import { ReportPage } from '../reports/frame';
import { usePeriod } from '../reports/period';
import { useReportState } from '../reports/state';
import { Info } from '../ui/info';
import { Card } from '../ui/page';

function Customers() {
  const { t } = useTranslation();
  const period = usePeriod();
  const [state, change] = useReportState(CUSTOMERS);
  const kind = groupingOf(state);
  return (
    <>
      <Group gap="sm" align="end" justify="space-between">
        <SegmentedControl data={GROUPINGS.map((g) => ({ value: g, label: t(`reports.groupings.${g}`) }))} value={kind} onChange={(by) => change({ by })} aria-label={t('reports.group')} />
        <SegmentSelect value={state.segment} onChange={(segment) => change({ segment })} />
      </Group>
      <Card title={t(`reports.groupings.${kind}`)} hint={t(`reports.groupingHints.${kind}`)} actions={<Info of={t(`reports.groupings.${kind}`)} text={t(`reports.info.${kind}`)} />}>
        <CustomersView state={state} period={period} />
      </Card>
      <ScoresCard state={state} />
    </>
  );
}

export default function CustomersPage() {
  const { t } = useTranslation();
  return (
    <ReportPage kind="customers" title={t('reports.kinds.customers')} lead={t('reports.leads.customers')} timeless>
      <Customers />
    </ReportPage>
  );
}
