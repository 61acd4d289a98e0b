import { useTranslation } from 'react-i18next';
import { useFormat } from '../format';
import { Info } from '../ui/info';
import { Card } from '../ui/page';
import { GroupTable, groupLabel, type Grouping } from './customer-groups';
import { DrillNumber } from './drill';
import { Exports } from './exports';
import { Answer } from './frame';
import type { CustomerGroups, Request } from './types';
import { useReport } from './use-report';
import type { ViewProps } from './view';

export const CUSTOMERS = { by: 'rfm', segment: '' };
export type CustomersState = typeof CUSTOMERS;

export const GROUPINGS: Grouping[] = ['rfm', 'grid', 'phases'];
export const groupingOf = (s: CustomersState) => GROUPINGS.find((g) => g === s.by) ?? 'rfm';
const FIVE = [5, 4, 3, 2, 1];

/** Recency against the mean of frequency and monetary value: where the customers are. */
function Scores({ scores, request }: { scores: NonNullable<CustomerGroups['scores']>; request: Request }) {
  const { t } = useTranslation();
  const format = useFormat();
  const size = (r: number, fm: number) => scores.filter((s) => s.recency === r && Math.ceil((s.frequency + s.monetary) / 2) === fm).reduce((sum, s) => sum + s.profiles, 0);
  const most = Math.max(1, ...FIVE.flatMap((r) => FIVE.map((fm) => size(r, fm))));
  return (
    <div className="kern-scroll" role="region" aria-label={t('reports.scores')} tabIndex={0}>
      <table className="kern-table kern-heat">
        <thead>
          <tr>
            <th scope="col">{t('reports.recency')}</th>
            {FIVE.toReversed().map((fm) => (
              <th scope="col" key={fm} style={{ textAlign: 'center' }}>
                {t('reports.fm', { n: fm })}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {FIVE.map((r) => (
            <tr key={r}>
              <th scope="row">{r}</th>
              {FIVE.toReversed().map((fm) => (
                <td className="number" key={fm} style={{ background: `color-mix(in srgb, var(--kern-heat) ${Math.round((38 * size(r, fm)) / most)}%, transparent)` }}>
                  <DrillNumber value={size(r, fm)} drill={{ title: `${t('reports.recency')} ${r} · ${t('reports.fm', { n: fm })}`, kind: 'rfm', body: { ...request, cell: { recency: r, fm } } }}>
                    {format.number(size(r, fm))}
                  </DrillNumber>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function useGroups(state: CustomersState) {
  const kind = groupingOf(state);
  const request: Request = state.segment ? { segment: state.segment } : {};
  const result = useReport<CustomerGroups>(kind, request);
  // While another grouping is asked for, the one before is not this one's.
  return { kind, request, result: result.isPlaceholderData ? { ...result, data: undefined } : result };
}

export function CustomersView({ state, small }: ViewProps<CustomersState>) {
  const { t } = useTranslation();
  const format = useFormat();
  const { kind, request, result } = useGroups(state);
  const nameOf = (group: string) => t(groupLabel(kind, group), { defaultValue: group });
  return (
    <Answer result={result}>
      {(answer) => (
        <>
          <GroupTable kind={kind} answer={answer} request={request} />
          {!small && (
            <Exports
              name={`kern-${kind}`}
              rows={() => [
                [t('reports.group'), t('reports.size'), t('reports.share'), t('reports.orders'), t('reports.average'), t('reports.shareOfRevenue')],
                ...answer.groups.map((g) => [nameOf(g.group), g.profiles, g.share, g.orders, g.average_order_value, g.share_of_revenue]),
              ]}
              picture={() => ({ kind: 'bars', title: t(`reports.groupings.${kind}`), note: t('reports.size'), rows: answer.groups.map((g) => ({ name: nameOf(g.group), text: format.number(g.profiles), share: g.share ?? 0 })) })}
            />
          )}
        </>
      )}
    </Answer>
  );
}

export function ScoresCard({ state }: { state: CustomersState }) {
  const { t } = useTranslation();
  const { kind, request, result } = useGroups(state);
  if (kind !== 'rfm' || !result.data?.scores) return null;
  return (
    <Card title={t('reports.scores')} hint={t('reports.scoresHint')} actions={<Info of={t('reports.scores')} text={t('reports.info.scores')} />}>
      <Scores scores={result.data.scores} request={request} />
    </Card>
  );
}
