import { Group, Select, Stack } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';
import { BreakdownSelect, SegmentSelect } from '../reports/controls';
import { ReportPage } from '../reports/frame';
import { usePeriod } from '../reports/period';
import { RETENTION, RETENTION_UNITS, retentionBy, retentionUnit } from '../reports/retention-request';
import { RetentionView } from '../reports/retention-view';
import { useReportState } from '../reports/state';
import { stepFromText, stepText, type Step } from '../reports/step';
import { Filters, StepInput, useStepName } from '../reports/step-input';
import { Info } from '../ui/info';
import { Card } from '../ui/page';

function StepSetting({ label, step, onChange }: { label: string; step: Step; onChange: (next: Step) => void }) {
  const { t } = useTranslation();
  const nameOf = useStepName();
  return (
    <Stack gap={4} w={{ base: '100%', xs: 'auto' }}>
      <StepInput label={label} placeholder={t('reports.anyEvent')} step={step} onChange={onChange} />
      {!step.orders && <Filters event={step.event} label={nameOf(step)} filters={step.where} onChange={(where) => onChange({ ...step, where })} />}
    </Stack>
  );
}

function Retention() {
  const { t } = useTranslation();
  const period = usePeriod();
  const [state, change] = useReportState(RETENTION);
  const [settled] = useDebouncedValue(state, 300);
  const first = stepFromText(state.first);
  return (
    <>
      <Card>
        <Group p="md" gap="sm" align="start">
          <StepSetting label={t('reports.first')} step={first} onChange={(next) => change({ first: stepText(next) })} />
          <StepSetting label={t('reports.return')} step={stepFromText(state.return)} onChange={(next) => change({ return: stepText(next) })} />
          <Select w={{ base: '100%', xs: 110 }} label={t('reports.unit')} allowDeselect={false} data={RETENTION_UNITS.map((u) => ({ value: u as string, label: t(`reports.units.${u}`) }))} value={retentionUnit(state, period)} onChange={(u) => change({ unit: u ?? '' })} />
          <BreakdownSelect event={first.event} sessions={!first.orders} value={retentionBy(state)} onChange={(by) => change({ by })} />
          <SegmentSelect value={state.segment} onChange={(segment) => change({ segment })} />
        </Group>
      </Card>
      <Card title={t('reports.result')} hint={t('reports.retentionHint')} actions={<Info of={t('reports.kinds.retention')} text={t('reports.info.retention')} />}>
        <RetentionView state={settled} period={period} change={change} />
      </Card>
    </>
  );
}

export default function RetentionPage() {
  const { t } = useTranslation();
  return (
    <ReportPage kind="retention" title={t('reports.kinds.retention')} lead={t('reports.leads.retention')}>
      <Retention />
    </ReportPage>
  );
}
