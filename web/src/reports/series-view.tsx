import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format';
import { useSession } from '../session';
import { COLORS, Lines } from '../ui/lines';
import { groupName } from './breakdown';
import { DrillNumber, useDrill } from './drill';
import { Exports } from './exports';
import { Answer } from './frame';
import { moreThan } from './limit';
import { marksOf, Notes, useNotes } from './notes';
import type { Period } from './period';
import { usePeriodText } from './period-text';
import { breakdownText, isMoney, seriesRequest, unitOf, type SeriesState } from './series-request';
import type { Request, SeriesReport, Unit, Value } from './types';
import { useReport } from './use-report';
import { more, type ViewProps } from './view';

function useLabels(unit: Unit) {
  const format = useFormat();
  return unit === 'hour' ? (iso: string) => `${format.shortDate(iso)} ${format.time(iso)}` : unit === 'month' ? format.month : format.shortDate;
}

interface TableProps {
  answer: SeriesReport;
  name: (v: Value) => string;
  labelOf: (iso: string) => string;
  show: (v: number, group: Value) => string;
  request: Request;
}

function Table({ answer, name, labelOf, show, request }: TableProps) {
  const { t } = useTranslation();
  const grouped = request.breakdown !== undefined;
  return (
    <div className="kern-scroll" role="region" aria-label={t('reports.table')} tabIndex={0}>
      <table className="kern-table">
        <thead>
          <tr>
            <th scope="col">{t('reports.when')}</th>
            {answer.groups.map((g) => (
              <th scope="col" className="number" key={JSON.stringify(g.value)}>
                {name(g.value)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {answer.starts.map((start, point) => (
            <tr key={start}>
              <th scope="row">{labelOf(start)}</th>
              {answer.groups.map((g) => {
                const value = g.points[point] ?? null;
                const drill = { title: `${labelOf(start)} · ${name(g.value)}`, kind: 'series', body: { ...request, cell: grouped ? { point, group: g.value } : { point } } };
                return (
                  <td className="number" key={JSON.stringify(g.value)}>
                    <DrillNumber drill={drill} value={value}>
                      {value === null ? '–' : show(value, g.value)}
                    </DrillNumber>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function useTexts(state: SeriesState, period: Period) {
  const { t } = useTranslation();
  const format = useFormat();
  const { workspace } = useSession();
  const by = breakdownText(state);
  const title = t(`reports.measures.${state.of === 'orders' ? 'orders' : 'events'}.${state.measure}`);
  const money = isMoney(state);
  return {
    title: state.of === 'orders' || !state.event ? title : `${state.event} · ${title}`,
    name: (value: Value) => (by ? groupName(by, value, t) : title),
    labelOf: useLabels(unitOf(state, period)),
    text: (value: number, group: Value = workspace.currency) => (money ? format.money(value, String(group ?? workspace.currency)) : format.number(value)),
  };
}

function Result({ request, ...props }: ViewProps<SeriesState> & { request: Request }) {
  const { t } = useTranslation();
  const { state, period, small } = props;
  const show = useDrill();
  const result = useReport<SeriesReport>('series', request);
  const { title, name, labelOf, text } = useTexts(state, period);
  const note = usePeriodText()(period);
  const notes = useNotes();
  return (
    <Answer result={result} onMore={more(props, moreThan(state.top))}>
      {(answer) => {
        const lines = answer.groups.slice(0, COLORS).map((g) => ({ name: name(g.value), points: g.points }));
        const labels = answer.starts.map(labelOf);
        const marks = marksOf(notes, answer.starts, period);
        const csv = () => [[t('reports.when'), ...answer.groups.map((g) => name(g.value))], ...answer.starts.map((s, i) => [s, ...answer.groups.map((g) => g.points[i])])];
        return (
          <>
            <Lines
              label={t('reports.chart', { title })}
              labels={labels}
              lines={lines}
              format={(v) => text(v)}
              marks={marks}
              onPoint={(point) => show({ title: labelOf(answer.starts[point]!), kind: 'series', body: { ...request, cell: { point } } })}
            />
            {answer.groups.length > COLORS && (
              <Text px="md" size="sm" c="dimmed">
                {t('reports.linesOf', { count: COLORS })}
              </Text>
            )}
            {!small && (
              <>
                <Notes marks={marks} period={period} />
                <Exports name="kern-series" rows={csv} picture={() => ({ kind: 'lines', title, note, labels, lines, format: (v) => text(v), marks })} />
                <Table answer={answer} name={name} labelOf={labelOf} show={text} request={request} />
              </>
            )}
          </>
        );
      }}
    </Answer>
  );
}

export function SeriesView(props: ViewProps<SeriesState>) {
  const { t } = useTranslation();
  const request = seriesRequest(props.state, props.period);
  if (request) return <Result {...props} request={request} />;
  return (
    <Text px="md" pb="md" c="dimmed">
      {t('reports.needsProperty')}
    </Text>
  );
}
