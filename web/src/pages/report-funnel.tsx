import { ActionIcon, Button, Group, NumberInput, Select, Stack } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { BreakdownSelect, SegmentSelect } from '../reports/controls';
import { ReportPage } from '../reports/frame';
import { FUNNEL, funnelBy, STEPS_MAX, stepsOf, stepsText, type FunnelState } from '../reports/funnel-request';
import { FunnelView } from '../reports/funnel-view';
import { usePeriod } from '../reports/period';
import { useReportState } from '../reports/state';
import { eventStep, type Step } from '../reports/step';
import { Filters, StepInput, useStepName } from '../reports/step-input';
import { Info } from '../ui/info';
import { Card } from '../ui/page';

const UNITS = ['minute', 'hour', 'day', 'week'];

function withinOf(text: string) {
  const [, count = '7', unit = 'day'] = /^(\d+) (minute|hour|day|week)s?$/.exec(text) ?? [];
  return { count: Number(count), unit };
}

function Steps({ steps, onChange }: { steps: Step[]; onChange: (next: Step[]) => void }) {
  const { t } = useTranslation();
  const nameOf = useStepName();
  return (
    <Stack gap="xs">
      {steps.map((step, i) => (
        <div key={i}>
          <Group gap="xs" align="end" wrap="nowrap">
            <StepInput label={t('reports.step', { n: i + 1 })} step={step} onChange={(next) => onChange(steps.with(i, next))} />
            <ActionIcon variant="subtle" color="gray" size="lg" disabled={steps.length < 2} onClick={() => onChange(steps.toSpliced(i, 1))} aria-label={t('reports.removeStep', { n: i + 1 })}>
              <IconTrash size={16} />
            </ActionIcon>
          </Group>
          {!step.orders && step.event && <Filters event={step.event} label={nameOf(step)} filters={step.where} onChange={(where) => onChange(steps.with(i, { ...step, where }))} />}
        </div>
      ))}
      {steps.length < STEPS_MAX && (
        <Group>
          <Button size="xs" variant="light" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => onChange([...steps, eventStep('')])}>
            {t('reports.addStep')}
          </Button>
        </Group>
      )}
    </Stack>
  );
}

function Settings({ state, change }: { state: FunnelState; change: (next: Partial<FunnelState>) => void }) {
  const { t } = useTranslation();
  const steps = stepsOf(state.steps);
  const within = withinOf(state.within);
  const setWithin = (count: number, unit: string) => change({ within: `${Math.max(1, count)} ${unit}s` });
  return (
    <Stack p="md" gap="md">
      <Steps steps={steps} onChange={(next) => change({ steps: stepsText(next) })} />
      <Group gap="sm" align="end">
        <NumberInput w={110} label={t('reports.within')} min={1} max={999} allowDecimal={false} value={within.count} onChange={(v) => setWithin(Number(v) || 1, within.unit)} />
        <Select w={120} aria-label={t('builder.unit')} allowDeselect={false} data={UNITS.map((u) => ({ value: u, label: t(`unit.${u}`, { count: within.count }) }))} value={within.unit} onChange={(u) => setWithin(within.count, u ?? 'day')} />
        <BreakdownSelect event={steps[0]?.event} sessions={!steps[0]?.orders} value={funnelBy(state)} onChange={(by) => change({ by })} />
        <SegmentSelect value={state.segment} onChange={(segment) => change({ segment })} />
      </Group>
    </Stack>
  );
}

function Funnel() {
  const { t } = useTranslation();
  const period = usePeriod();
  const [state, change] = useReportState(FUNNEL);
  const [settled] = useDebouncedValue(state, 300);
  return (
    <div className="kern-columns kern-columns-start">
      <Card title={t('reports.steps')}>
        <Settings state={state} change={change} />
      </Card>
      <Card title={t('reports.result')} actions={<Info of={t('reports.kinds.funnel')} text={t('reports.info.funnel')} />}>
        <FunnelView state={settled} period={period} change={change} />
      </Card>
    </div>
  );
}

export default function FunnelPage() {
  const { t } = useTranslation();
  return (
    <ReportPage kind="funnel" title={t('reports.kinds.funnel')} lead={t('reports.leads.funnel')}>
      <Funnel />
    </ReportPage>
  );
}
