import { Group, SegmentedControl } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format';
import { SegmentSelect } from '../reports/controls';
import { GroupTable, groupLabel, type Grouping } from '../reports/customer-groups';
import { Answer, CsvButton, ReportPage } from '../reports/frame';
import { useReportState } from '../reports/state';
import type { CustomerGroups, Request } from '../reports/types';
import { useReport } from '../reports/use-report';
import { Card } from '../ui/page';

const GROUPINGS: Grouping[] = ['rfm', 'grid', 'phases'];
const FIVE = [5, 4, 3, 2, 1];

/** Recency against the mean of frequency and monetary value: where the customers are. */
function Scores({ scores }: { scores: NonNullable<CustomerGroups['scores']> }) {
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
                  {format.number(size(r, fm))}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Customers() {
  const { t } = useTranslation();
  const [state, change] = useReportState({ by: 'rfm', segment: '' });
  const kind = GROUPINGS.find((g) => g === state.by) ?? 'rfm';
  const request: Request = state.segment ? { segment: state.segment } : {};
  const result = useReport<CustomerGroups>(kind, request);
  // While another grouping is asked for, the one before is not this one's.
  const own = result.isPlaceholderData ? { ...result, data: undefined } : result;
  return (
    <>
      <Group gap="sm" align="end" justify="space-between">
        <SegmentedControl data={GROUPINGS.map((g) => ({ value: g, label: t(`reports.groupings.${g}`) }))} value={kind} onChange={(by) => change({ by })} aria-label={t('reports.group')} />
        <SegmentSelect value={state.segment} onChange={(segment) => change({ segment })} />
      </Group>
      <Card title={t(`reports.groupings.${kind}`)} hint={t(`reports.groupingHints.${kind}`)}>
        <Answer result={own}>
          {(answer) => (
            <>
              <GroupTable kind={kind} answer={answer} request={request} />
              <Group justify="end" px="md" pt="sm">
                <CsvButton
                  name={`kern-${kind}`}
                  rows={() => [
                    [t('reports.group'), t('reports.size'), t('reports.share'), t('reports.orders'), ...[t('reports.average'), t('reports.shareOfRevenue')]],
                    ...answer.groups.map((g) => [t(groupLabel(kind, g.group), { defaultValue: g.group }), g.profiles, g.share, g.orders, g.average_order_value, g.share_of_revenue]),
                  ]}
                />
              </Group>
            </>
          )}
        </Answer>
      </Card>
      {kind === 'rfm' && own.data?.scores && (
        <Card title={t('reports.scores')} hint={t('reports.scoresHint')}>
          <Scores scores={own.data.scores} />
        </Card>
      )}
    </>
  );
}

export default function CustomersPage() {
  const { t } = useTranslation();
  return (
    <ReportPage title={t('reports.kinds.customers')} lead={t('reports.leads.customers')} timeless>
      <Customers />
    </ReportPage>
  );
}
