import { Text } from '@mantine/core';
import { IconChevronRight } from '@tabler/icons-react';
import { Fragment } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format';
import { BarRow } from './bars';
import { DrillNumber } from './drill';
import { Exports } from './exports';
import { Answer } from './frame';
import { limitOf, moreThan } from './limit';
import type { Period } from './period';
import { usePeriodText } from './period-text';
import { jsonOf } from './step';
import type { PathsReport, Request } from './types';
import { useReport } from './use-report';
import { more, type ViewProps } from './view';

export const PATHS = { start: '', events: '[]', length: '5', within: '', repeats: '', segment: '', top: '' };
export type PathsState = typeof PATHS;

/** The events that are looked at; none: all. */
export function eventsOf(text: string): string[] {
  const list = jsonOf(text);
  return Array.isArray(list) ? list.filter((e): e is string => typeof e === 'string' && e !== '') : [];
}

export function pathsRequest(s: PathsState, period: Period): Request {
  const events = eventsOf(s.events);
  return {
    ...(s.start ? { start: s.start } : {}),
    ...(events.length > 0 ? { events } : {}),
    length: Number(s.length),
    ...(s.within ? { within: s.within } : {}),
    ...(s.repeats ? { repeats: true } : {}),
    from: period.from,
    to: period.to,
    limit: limitOf(s.top),
    ...(s.segment ? { segment: s.segment } : {}),
  };
}

function Path({ events }: { events: string[] }) {
  return (
    <span className="kern-path">
      {events.map((event, i) => (
        <Fragment key={i}>
          {i > 0 && <IconChevronRight size={14} role="img" aria-label="→" />}
          <span>{event}</span>
        </Fragment>
      ))}
    </span>
  );
}

export function PathsView(props: ViewProps<PathsState>) {
  const { t } = useTranslation();
  const format = useFormat();
  const { state, period, small } = props;
  const note = usePeriodText()(period);
  const request = pathsRequest(state, period);
  const result = useReport<PathsReport>('paths', request);
  const most = (answer: PathsReport) => Math.max(1e-9, answer.paths[0]?.share ?? 0);
  return (
    <Answer result={result} onMore={more(props, moreThan(state.top))}>
      {(answer) => (
        <>
          <Text px="md" pb="xs" size="sm">
            <DrillNumber value={answer.profiles} drill={{ title: t('reports.kinds.paths'), kind: 'paths', body: { ...request, cell: { events: [] } } }}>
              {format.number(answer.profiles)}
            </DrillNumber>{' '}
            {t('reports.withPath', { count: answer.profiles })}
          </Text>
          <ol className="kern-people" style={{ padding: '0 1rem 0.5rem' }}>
            {answer.paths.map((path) => (
              <BarRow
                key={path.events.join('\n')}
                name={<Path events={path.events} />}
                share={path.share / most(answer)}
                value={
                  <>
                    <DrillNumber value={path.profiles} drill={{ title: path.events.join(' → '), kind: 'paths', body: { ...request, cell: { events: path.events } } }}>
                      {format.number(path.profiles)}
                    </DrillNumber>{' '}
                    · {format.percent(path.share)}
                  </>
                }
              />
            ))}
          </ol>
          {!small && (
            <Exports
              name="kern-paths"
              rows={() => [[t('reports.path'), t('reports.size'), t('reports.share')], ...answer.paths.map((p) => [p.events.join(' > '), p.profiles, p.share])]}
              picture={() => ({ kind: 'bars', title: t('reports.kinds.paths'), note, rows: answer.paths.slice(0, 20).map((p) => ({ name: p.events.join(' → '), text: `${format.number(p.profiles)} · ${format.percent(p.share)}`, share: p.share / most(answer) })) })}
            />
          )}
        </>
      )}
    </Answer>
  );
}
