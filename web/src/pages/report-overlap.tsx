import { Group } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { SegmentSelect } from '../reports/controls';
import { ReportPage } from '../reports/frame';
import { OVERLAP, OverlapView } from '../reports/overlap-view';
import { usePeriod } from '../reports/period';
import { useReportState } from '../reports/state';
import { Info } from '../ui/info';
import { Card } from '../ui/page';

function Overlap() {
  const { t } = useTranslation();
  const period = usePeriod();
  const [state, change] = useReportState(OVERLAP);
  return (
    <>
      <Card>
        <Group p="md" gap="sm" align="end">
          {(['a', 'b', 'c'] as const).map((place, i) => (
            <SegmentSelect key={place} label={t('reports.segmentN', { n: i + 1 })} placeholder={t('reports.choose')} value={state[place]} onChange={(key) => change({ [place]: key })} />
          ))}
        </Group>
      </Card>
      <Card title={t('reports.result')} actions={<Info of={t('reports.kinds.overlap')} text={t('reports.info.overlap')} />}>
        <OverlapView state={state} period={period} />
      </Card>
    </>
  );
}

export default function OverlapPage() {
  const { t } = useTranslation();
  return (
    <ReportPage kind="overlap" title={t('reports.kinds.overlap')} lead={t('reports.leads.overlap')} timeless>
      <Overlap />
    </ReportPage>
  );
}
