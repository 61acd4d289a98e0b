import { Text } from '@mantine/core';
import { IconCircle, IconCircleFilled } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format';
import { useCatalog } from '../segments/catalog';
import { DrillNumber } from './drill';
import { Exports } from './exports';
import { Answer } from './frame';
import type { OverlapReport, Request } from './types';
import { useReport } from './use-report';
import type { ViewProps } from './view';

export const OVERLAP = { a: '', b: '', c: '' };
export type OverlapState = typeof OVERLAP;

export const overlapKeys = (s: OverlapState) => [...new Set([s.a, s.b, s.c].filter(Boolean))];

interface Row {
  segments: string[];
  profiles: number;
  only: number;
}

function Table({ keys, answer, request }: { keys: string[]; answer: OverlapReport; request: Request }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { segments } = useCatalog();
  const nameOf = (key: string) => segments.find((s) => s.key === key)?.name ?? key;
  const rows: Row[] = [...answer.sets.toSorted((x, y) => y.segments.length - x.segments.length || y.profiles - x.profiles), { segments: [], profiles: answer.everyone, only: answer.in_none }];
  const most = Math.max(1, ...answer.sets.map((s) => s.only));
  const title = (row: Row, only: boolean) => (row.segments.length === 0 ? t(only ? 'reports.inNone' : 'reports.everyone') : row.segments.map(nameOf).join(' + '));
  const drill = (row: Row, only: boolean) => ({ title: title(row, only), kind: 'overlap', body: { ...request, cell: { segments: row.segments, ...(only ? { only: true } : {}) } } });
  return (
    <div className="kern-scroll" role="region" aria-label={t('reports.table')} tabIndex={0}>
      <table className="kern-table">
        <thead>
          <tr>
            {keys.map((key) => (
              <th scope="col" key={key} style={{ textAlign: 'center' }}>
                {nameOf(key)}
              </th>
            ))}
            <th scope="col" className="number">
              {t('reports.inAll')}
            </th>
            <th scope="col" className="number">
              {t('reports.share')}
            </th>
            <th scope="col" style={{ minWidth: 160 }}>
              {t('reports.onlyThese')}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.segments.join('\n')}>
              {keys.map((key) => (
                <td key={key} style={{ textAlign: 'center' }}>
                  {row.segments.includes(key) ? <IconCircleFilled size={14} color="var(--kern-series-1)" role="img" aria-label={t('reports.isIn')} /> : <IconCircle size={14} color="var(--kern-muted)" role="img" aria-label={t('reports.mayBeIn')} />}
                </td>
              ))}
              <td className="number">
                <DrillNumber value={row.profiles} drill={drill(row, false)}>
                  {format.number(row.profiles)}
                </DrillNumber>
                {row.segments.length === 0 && (
                  <Text size="xs" c="dimmed">
                    {t('reports.everyone')}
                  </Text>
                )}
              </td>
              <td className="number">{answer.everyone > 0 ? format.percent(row.profiles / answer.everyone) : '–'}</td>
              <td>
                <DrillNumber value={row.only} drill={drill(row, true)}>
                  {format.number(row.only)}
                </DrillNumber>
                {row.segments.length === 0 ? (
                  <Text size="xs" c="dimmed">
                    {t('reports.inNone')}
                  </Text>
                ) : (
                  <div className="kern-share" aria-hidden>
                    <span style={{ width: `${(row.only / most) * 100}%` }} />
                  </div>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Result({ keys, small }: { keys: string[]; small?: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { segments } = useCatalog();
  const request: Request = { segments: keys };
  const result = useReport<OverlapReport>('overlap', request);
  const own = result.isPlaceholderData ? { ...result, data: undefined } : result;
  const nameOf = (row: string[]) => row.map((key) => segments.find((s) => s.key === key)?.name ?? key).join(' + ');
  return (
    <Answer result={own}>
      {(answer) => (
        <>
          <Table keys={keys} answer={answer} request={request} />
          {!small && (
            <Exports
              name="kern-overlap"
              rows={() => [
                [t('segments.title'), t('reports.inAll'), t('reports.onlyThese')],
                ...answer.sets.map((s) => [nameOf(s.segments), s.profiles, s.only]),
                [t('reports.everyone'), answer.everyone, null],
                [t('reports.inNone'), null, answer.in_none],
              ]}
              picture={() => ({ kind: 'bars', title: t('reports.kinds.overlap'), note: t('reports.onlyThese'), rows: answer.sets.map((s) => ({ name: nameOf(s.segments), text: format.number(s.only), share: s.only / Math.max(1, ...answer.sets.map((x) => x.only)) })) })}
            />
          )}
        </>
      )}
    </Answer>
  );
}

export function OverlapView({ state, small }: ViewProps<OverlapState>) {
  const { t } = useTranslation();
  const keys = overlapKeys(state);
  if (keys.length > 0) return <Result keys={keys} small={small} />;
  return (
    <Text px="md" pb="md" c="dimmed">
      {t('reports.needsSegments')}
    </Text>
  );
}
