import { Group, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format';
import { BarRow } from './bars';
import { groupName } from './breakdown';
import { DrillNumber } from './drill';
import { Exports } from './exports';
import { Answer } from './frame';
import { funnelBy, funnelRequest, namedSteps, type FunnelState } from './funnel-request';
import { moreThan } from './limit';
import { usePeriodText } from './period-text';
import { useStepName } from './step-input';
import type { FunnelReport, FunnelStep, Request, Value } from './types';
import { useReport } from './use-report';
import { more, type ViewProps } from './view';

function Bars({ names, steps, request }: { names: string[]; steps: FunnelStep[]; request: Request }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <ol className="kern-people" style={{ padding: '0 1rem 0.5rem' }}>
      {steps.map((step, i) => {
        const next = steps[i + 1];
        const lost = next ? step.profiles - next.profiles : 0;
        const value = (
          <>
            <DrillNumber value={step.profiles} drill={{ title: names[i]!, kind: 'funnel', body: { ...request, cell: { step: i } } }}>
              {format.number(step.profiles)}
            </DrillNumber>{' '}
            · {step.rate === null ? '–' : format.percent(step.rate)}
          </>
        );
        return (
          <BarRow key={i} name={`${i + 1}. ${names[i]}`} value={value} share={step.rate ?? 0}>
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
          </BarRow>
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

function Result({ request, ...props }: ViewProps<FunnelState> & { request: Request }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { state, period, small } = props;
  const names = namedSteps(state.steps).map(useStepName());
  const by = funnelBy(state);
  const note = usePeriodText()(period);
  const result = useReport<FunnelReport>('funnel', request);
  const rate = (s: FunnelStep) => (s.rate === null ? '–' : format.percent(s.rate));
  return (
    <Answer result={result} onMore={more(props, moreThan(state.top))}>
      {(answer) => (
        <>
          {/* While other steps are counted, the answer is that of those before. */}
          <Bars names={names} steps={answer.steps.slice(0, names.length)} request={request} />
          {answer.groups && !small && <Groups by={by} names={names} answer={answer} request={request} />}
          {!small && (
            <Exports
              name="kern-funnel"
              rows={() => [
                [t('reports.group'), ...names],
                [t('reports.everyone'), ...answer.steps.map((s) => s.profiles)],
                ...(answer.groups ?? []).map((g) => [groupName(by, g.value, t), ...g.steps.map((s) => s.profiles)]),
              ]}
              picture={() => ({ kind: 'bars', title: t('reports.kinds.funnel'), note, rows: answer.steps.map((s, i) => ({ name: `${i + 1}. ${names[i]}`, text: `${format.number(s.profiles)} · ${rate(s)}`, share: s.rate ?? 0 })) })}
            />
          )}
        </>
      )}
    </Answer>
  );
}

export function FunnelView(props: ViewProps<FunnelState>) {
  const { t } = useTranslation();
  const request = funnelRequest(props.state, props.period);
  if (request) return <Result {...props} request={request} />;
  return (
    <Text px="md" pb="md" c="dimmed">
      {t('reports.needsStep')}
    </Text>
  );
}
