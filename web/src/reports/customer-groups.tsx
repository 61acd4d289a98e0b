/** Groups of customers: how many, what they ordered, what part of the revenue is theirs. */
import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format';
import { useSession } from '../session';
import { DrillNumber } from './drill';
import type { CustomerGroup, CustomerGroups, Request } from './types';

export type Grouping = 'rfm' | 'grid' | 'phases';

export const groupLabel = (kind: Grouping, group: string) => `${kind === 'phases' ? 'phase' : kind}.${group}`;

export function GroupTable({ kind, answer, request }: { kind: Grouping; answer: CustomerGroups; request: Request }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { workspace } = useSession();
  const revenue = (g: CustomerGroup) => (g.revenue.length === 0 ? '–' : g.revenue.map((r) => format.money(r.amount, r.currency)).join(' · '));
  return (
    <div className="kern-scroll" role="region" aria-label={t('reports.table')} tabIndex={0}>
      <table className="kern-table">
        <thead>
          <tr>
            <th scope="col">{t('reports.group')}</th>
            {(['size', 'share', 'orders', 'revenue', 'average', 'shareOfRevenue'] as const).map((key) => (
              <th scope="col" className="number" key={key}>
                {t(`reports.${key}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {answer.groups.map((g) => {
            const label = t(groupLabel(kind, g.group), { defaultValue: g.group });
            return (
              <tr key={g.group}>
                <th scope="row" style={{ whiteSpace: 'normal', minWidth: 150 }}>
                  <Text size="sm" fw={560} c="var(--mantine-color-text)">
                    {label}
                  </Text>
                  <Text size="xs" c="dimmed" fw={400}>
                    {t(`${groupLabel(kind, g.group)}Hint`, { defaultValue: '' })}
                  </Text>
                </th>
                <td className="number">
                  <DrillNumber value={g.profiles} drill={{ title: label, kind, body: { ...request, cell: { group: g.group } } }}>
                    {format.number(g.profiles)}
                  </DrillNumber>
                </td>
                <td className="number">{g.share === null ? '–' : format.percent(g.share)}</td>
                <td className="number">{format.number(g.orders)}</td>
                <td className="number">{revenue(g)}</td>
                <td className="number">{g.average_order_value === null ? '–' : format.money(g.average_order_value, workspace.currency)}</td>
                <td className="number">{g.share_of_revenue === null ? '–' : format.percent(g.share_of_revenue)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
