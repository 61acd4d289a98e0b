import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format';
import { breakdownOf, groupName } from './breakdown';
import { DrillNumber } from './drill';
import { Exports } from './exports';
import { filtersOf, whereText } from './filter';
import { Answer } from './frame';
import { limitOf, moreThan } from './limit';
import type { Period } from './period';
import { usePeriodText } from './period-text';
import { jsonOf } from './step';
import type { CompareReport, Request, Value } from './types';
import { useReport } from './use-report';
import { more, type ViewProps } from './view';

export const COMPARE = { segment: '', by: 'session:channel', event: '', where: '', top: '' };
export type CompareState = typeof COMPARE;

/** The value is one of events, which may be chosen. */
export const comparesEvents = (s: CompareState) => s.by.startsWith('property:') || s.by.startsWith('context:');

/** undefined: the segment or what is compared is still to be chosen. */
export function compareRequest(s: CompareState, period: Period): Request | undefined {
  const breakdown = breakdownOf(s.by);
  if (!s.segment || !breakdown) return undefined;
  const where = whereText(filtersOf(jsonOf(s.where)));
  return {
    segment: s.segment,
    breakdown,
    limit: limitOf(s.top),
    ...(comparesEvents(s) && s.event ? { event: s.event } : {}),
    ...(comparesEvents(s) && where ? { where } : {}),
    ...(breakdown.trait || breakdown.phase ? {} : { from: period.from, to: period.to }),
  };
}

/** 100 stands in the middle; 300 and more at the end. */
function Index({ value }: { value: number }) {
  const at = value >= 100 ? 50 + Math.min(50, (value - 100) / 4) : value / 2;
  const [left, right] = at < 50 ? [at, 50] : [50, at];
  return (
    <div className="kern-index" aria-hidden>
      <span style={{ insetInlineStart: `${left}%`, width: `${right - left}%`, background: at < 50 ? 'var(--kern-series-2)' : 'var(--kern-series-1)' }} />
    </div>
  );
}

function Table({ answer, request, name }: { answer: CompareReport; request: Request; name: (v: Value) => string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const share = (s: number | null) => (s === null ? '–' : format.percent(s));
  const drill = (value: Value, everyone: boolean) => ({ title: `${name(value)} · ${t(everyone ? 'reports.everyone' : 'reports.audience')}`, kind: 'compare', body: { ...request, cell: { group: value, ...(everyone ? { everyone: true } : {}) } } });
  return (
    <div className="kern-scroll" role="region" aria-label={t('reports.table')} tabIndex={0}>
      <table className="kern-table">
        <thead>
          <tr>
            <th scope="col">{t('reports.value')}</th>
            <th scope="col" className="number" colSpan={2}>
              {t('reports.inSegment')}
            </th>
            <th scope="col" className="number" colSpan={2}>
              {t('reports.ofEveryone')}
            </th>
            <th scope="col" className="number">
              {t('reports.index')}
            </th>
            <td aria-hidden style={{ minWidth: 140 }} />
          </tr>
        </thead>
        <tbody>
          {answer.values.map((v) => (
            <tr key={JSON.stringify(v.value)}>
              <th scope="row" style={{ whiteSpace: 'normal', overflowWrap: 'anywhere', minWidth: 110 }}>
                {name(v.value)}
              </th>
              <td className="number">
                <DrillNumber value={v.segment} drill={drill(v.value, false)}>
                  {format.number(v.segment)}
                </DrillNumber>
              </td>
              <td className="number">{share(v.segment_share)}</td>
              <td className="number">
                <DrillNumber value={v.everyone} drill={drill(v.value, true)}>
                  {format.number(v.everyone)}
                </DrillNumber>
              </td>
              <td className="number">{share(v.everyone_share)}</td>
              <td className="number">{v.index === null ? '–' : format.number(v.index)}</td>
              <td>{v.index !== null && <Index value={v.index} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Result({ request, ...props }: ViewProps<CompareState> & { request: Request }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { state, period, small } = props;
  const note = usePeriodText()(period);
  const result = useReport<CompareReport>('compare', request);
  const own = result.isPlaceholderData ? { ...result, data: undefined } : result;
  const name = (value: Value) => groupName(state.by, value, t);
  return (
    <Answer result={own} onMore={more(props, moreThan(state.top))}>
      {(answer) => (
        <>
          <Text px="md" pb="xs" size="sm">
            {t('reports.segmentOf', { segment: format.number(answer.segment), everyone: format.number(answer.everyone) })}
          </Text>
          {answer.values.length === 0 ? (
            <Text px="md" pb="md" c="dimmed">
              {t('reports.noValues')}
            </Text>
          ) : (
            <Table answer={answer} request={request} name={name} />
          )}
          {!small && (
            <Exports
              name="kern-compare"
              rows={() => [
                [t('reports.value'), t('reports.inSegment'), t('reports.share'), t('reports.ofEveryone'), t('reports.share'), t('reports.index')],
                ...answer.values.map((v) => [name(v.value), v.segment, v.segment_share, v.everyone, v.everyone_share, v.index]),
              ]}
              picture={() => ({ kind: 'bars', title: `${t('reports.kinds.compare')} · ${t('reports.index')}`, note, rows: answer.values.slice(0, 20).map((v) => ({ name: name(v.value), text: v.index === null ? '–' : format.number(v.index), share: (v.index ?? 0) / 300 })) })}
            />
          )}
        </>
      )}
    </Answer>
  );
}

export function CompareView(props: ViewProps<CompareState>) {
  const { t } = useTranslation();
  const request = compareRequest(props.state, props.period);
  if (request) return <Result {...props} request={request} />;
  return (
    <Text px="md" pb="md" c="dimmed">
      {t('reports.needsSegment')}
    </Text>
  );
}
