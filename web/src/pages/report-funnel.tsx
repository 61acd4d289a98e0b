import { ActionIcon, Button, Group, NumberInput, Select, Stack, Text } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format';
import { breakdownOf, groupName } from '../reports/breakdown';
import { BreakdownSelect, EventInput, SegmentSelect } from '../reports/controls';
import { DrillNumber } from '../reports/drill';
import { Answer, CsvButton, ReportPage } from '../reports/frame';
import { usePeriod } from '../reports/period';
import { useReportState } from '../reports/state';
import type { FunnelReport, FunnelStep, Request, Value } from '../reports/types';
import { useReport } from '../reports/use-report';
import { Card } from '../ui/page';

const FUNNEL = { steps: JSON.stringify(['Product Viewed', 'Product Added', 'Checkout Started', 'Order Completed']), within: '7 days', by: '', segment: '' };
type State = typeof FUNNEL;
const STEPS_MAX = 10;
const UNITS = ['minute', 'hour', 'day', 'week'];

/** The steps in the address, which anybody may have written. */
function stepsOf(text: string): string[] {
  try {
    const list: unknown = JSON.parse(text);
    if (Array.isArray(list)) return list.filter((s): s is string => typeof s === 'string').slice(0, STEPS_MAX);
  } catch {
    // not ours
  }
  return [];
}

function withinOf(text: string) {
  const [, count = '7', unit = 'day'] = /^(\d+) (minute|hour|day|week)s?$/.exec(text) ?? [];
  return { count: Number(count), unit };
}

function Steps({ steps, onChange }: { steps: string[]; onChange: (next: string[]) => void }) {
  const { t } = useTranslation();
  return (
    <Stack gap="xs">
      {steps.map((event, i) => (
        <Group key={i} gap="xs" align="end" wrap="nowrap">
          <EventInput label={t('reports.step', { n: i + 1 })} value={event} onChange={(text) => onChange(steps.with(i, text))} />
          <ActionIcon variant="subtle" color="gray" size="lg" disabled={steps.length < 2} onClick={() => onChange(steps.toSpliced(i, 1))} aria-label={t('reports.removeStep', { n: i + 1 })}>
            <IconTrash size={16} />
          </ActionIcon>
        </Group>
      ))}
      {steps.length < STEPS_MAX && (
        <Group>
          <Button size="xs" variant="light" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => onChange([...steps, ''])}>
            {t('reports.addStep')}
          </Button>
        </Group>
      )}
    </Stack>
  );
}

function Settings({ state, change }: { state: State; change: (next: Partial<State>) => void }) {
  const { t } = useTranslation();
  const steps = stepsOf(state.steps);
  const within = withinOf(state.within);
  const setWithin = (count: number, unit: string) => change({ within: `${Math.max(1, count)} ${unit}s` });
  return (
    <Stack p="md" gap="md">
      <Steps steps={steps} onChange={(next) => change({ steps: JSON.stringify(next) })} />
      <Group gap="sm" align="end">
        <NumberInput w={110} label={t('reports.within')} min={1} max={999} allowDecimal={false} value={within.count} onChange={(v) => setWithin(Number(v) || 1, within.unit)} />
        <Select w={120} aria-label={t('builder.unit')} allowDeselect={false} data={UNITS.map((u) => ({ value: u, label: t(`unit.${u}`, { count: within.count }) }))} value={within.unit} onChange={(u) => setWithin(within.count, u ?? 'day')} />
        <BreakdownSelect event={steps[0]} value={state.by} onChange={(by) => change({ by })} />
        <SegmentSelect value={state.segment} onChange={(segment) => change({ segment })} />
      </Group>
    </Stack>
  );
}

function Bars({ names, steps, request }: { names: string[]; steps: FunnelStep[]; request: Request }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <ol className="kern-people" style={{ padding: '0 1rem 0.5rem' }}>
      {steps.map((step, i) => {
        const next = steps[i + 1];
        const lost = next ? step.profiles - next.profiles : 0;
        return (
          <li key={i}>
            <Group justify="space-between" gap="xs" mb={4}>
              <Text fw={560} style={{ overflowWrap: 'anywhere' }}>
                {i + 1}. {names[i]}
              </Text>
              <Text className="kern-tabular">
                <DrillNumber value={step.profiles} drill={{ title: names[i]!, kind: 'funnel', body: { ...request, cell: { step: i } } }}>
                  {format.number(step.profiles)}
                </DrillNumber>{' '}
                · {step.rate === null ? '–' : format.percent(step.rate)}
              </Text>
            </Group>
            <div className="kern-bar" aria-hidden>
              <span style={{ width: `${(step.rate ?? 0) * 100}%` }} />
            </div>
            <Group justify="space-between" gap="xs" mt={4}>
              <Text size="sm" c="dimmed">
                {step.median_seconds_from_previous !== null ? t('reports.median', { time: format.duration(step.median_seconds_from_previous) }) : ''}
              </Text>
              {next && lost > 0 && (
                <Text size="sm" c="dimmed">
                  <DrillNumber value={lost} drill={{ title: t('reports.droppedAfter', { step: names[i] }), kind: 'funnel', body: { ...request, cell: { step: i, dropped: true } } }}>
                    {t('reports.dropped', { count: lost, size: format.number(lost), share: format.percent(lost / step.profiles) })}
                  </DrillNumber>
                </Text>
              )}
            </Group>
          </li>
        );
      })}
    </ol>
  );
}

function Groups({ by, names, answer, request }: { by: string; names: string[]; answer: FunnelReport; request: Request }) {
  const { t } = useTranslation();
  const format = useFormat();
  const name = (v: Value) => groupName(by, v, t);
  return (
    <div className="kern-scroll" role="region" aria-label={t('reports.table')} tabIndex={0}>
      <table className="kern-table">
        <thead>
          <tr>
            <th scope="col">{t('reports.group')}</th>
            {names.map((n, i) => (
              <th scope="col" className="number" key={i}>
                {n}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {answer.groups!.map((g) => (
            <tr key={JSON.stringify(g.value)}>
              <th scope="row">{name(g.value)}</th>
              {g.steps.map((s, step) => (
                <td className="number" key={step}>
                  <DrillNumber value={s.profiles} drill={{ title: `${names[step]} · ${name(g.value)}`, kind: 'funnel', body: { ...request, cell: { step, group: g.value } } }}>
                    {format.number(s.profiles)}
                  </DrillNumber>
                  <Text size="xs" c="dimmed">
                    {s.rate === null ? '–' : format.percent(s.rate)}
                  </Text>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Funnel() {
  const { t } = useTranslation();
  const period = usePeriod();
  const [state, change] = useReportState(FUNNEL);
  const [settled] = useDebouncedValue(state, 300);
  const names = stepsOf(settled.steps).filter((s) => s.trim());
  const breakdown = breakdownOf(settled.by);
  const request: Request | undefined =
    names.length > 0
      ? { steps: names.map((event) => ({ event })), within: settled.within, from: period.from, to: period.to, ...(breakdown ? { breakdown, limit: 12 } : {}), ...(settled.segment ? { segment: settled.segment } : {}) }
      : undefined;
  const result = useReport<FunnelReport>('funnel', request);
  return (
    <div className="kern-columns kern-columns-start">
      <Card title={t('reports.steps')}>
        <Settings state={state} change={change} />
      </Card>
      <Card title={t('reports.result')}>
        {request ? (
          <Answer result={result}>
            {(answer) => (
              <>
                <Bars names={names} steps={answer.steps} request={request} />
                {answer.groups && <Groups by={settled.by} names={names} answer={answer} request={request} />}
                <Group justify="end" px="md" pt="sm">
                  <CsvButton
                    name="kern-funnel"
                    rows={() => [
                      [t('reports.group'), ...names],
                      [t('reports.everyone'), ...answer.steps.map((s) => s.profiles)],
                      ...(answer.groups ?? []).map((g) => [groupName(settled.by, g.value, t), ...g.steps.map((s) => s.profiles)]),
                    ]}
                  />
                </Group>
              </>
            )}
          </Answer>
        ) : (
          <Text px="md" pb="md" c="dimmed">
            {t('reports.needsStep')}
          </Text>
        )}
      </Card>
    </div>
  );
}

export default function FunnelPage() {
  const { t } = useTranslation();
  return (
    <ReportPage title={t('reports.kinds.funnel')} lead={t('reports.leads.funnel')}>
      <Funnel />
    </ReportPage>
  );
}
