/** Beside the figures: channels, phases, groups of customers, what comes in. */
import { Anchor, Badge, Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { get } from '../api/client';
import type { Page, Source } from '../api/types';
import { useFormat } from '../format';
import { groupLabel, type Grouping } from '../reports/customer-groups';
import { DrillNumber } from '../reports/drill';
import type { Period } from '../reports/period';
import type { CustomerGroups, Request, Value } from '../reports/types';
import { useReport } from '../reports/use-report';
import { useWs } from '../session';
import { Card } from '../ui/page';
import { Failed, LoadingRows } from '../ui/states';

interface Result<T> {
  data: T | undefined;
  error: Error | null;
  refetch: () => unknown;
}

function Panel<T>({ title, hint, more, result, children }: { title: string; hint?: string; more: string; result: Result<T>; children: (data: T) => ReactNode }) {
  const { t } = useTranslation();
  return (
    <Card
      title={title}
      hint={hint}
      actions={
        <Anchor component={Link} href={more} size="sm" aria-label={`${t('home.more')}: ${title}`}>
          {t('home.more')}
        </Anchor>
      }
    >
      {result.error ? <Failed error={result.error} retry={() => void result.refetch()} /> : result.data === undefined ? <LoadingRows rows={5} /> : children(result.data)}
    </Card>
  );
}

const None = () => {
  const { t } = useTranslation();
  return (
    <Text px="md" pb="md" c="dimmed">
      {t('state.empty')}
    </Text>
  );
};

/** A row with its share drawn behind the name. */
function Row({ label, share, children }: { label: string; share: number; children: ReactNode }) {
  return (
    <tr>
      <th scope="row" style={{ color: 'var(--mantine-color-text)', whiteSpace: 'normal' }}>
        {label}
        <div className="kern-share" aria-hidden>
          <span style={{ width: `${Math.min(1, share) * 100}%` }} />
        </div>
      </th>
      {children}
    </tr>
  );
}

interface Compared {
  values: { value: Value; everyone: number; segment: number }[];
}

export function Channels({ period }: { period: Period }) {
  const { t } = useTranslation();
  const format = useFormat();
  const request: Request = { segment: { query: "identifier('email').exists()" }, breakdown: { session: 'channel' }, from: period.from, to: period.to, limit: 12 };
  const result = useReport<Compared>('compare', request);
  return (
    <Panel title={t('home.channels')} hint={t('home.channelsHint')} more={`/reports/series?period=${period.key}&event=Page%20Viewed&measure=profiles&by=session%3Achannel`} result={result}>
      {({ values }) => {
        const all = values.filter((v) => v.value !== null).toSorted((a, b) => b.everyone - a.everyone);
        if (all.length === 0) return <None />;
        return (
          <table className="kern-table">
            <thead>
              <tr>
                <th scope="col">{t('home.channel')}</th>
                <th scope="col" className="number">
                  {t('home.visitors')}
                </th>
                <th scope="col" className="number">
                  {t('home.known')}
                </th>
              </tr>
            </thead>
            <tbody>
              {all.slice(0, 8).map((v) => {
                const name = t(`channel.${String(v.value)}`, { defaultValue: String(v.value) });
                return (
                  <Row key={String(v.value)} label={name} share={v.everyone / all[0]!.everyone}>
                    <td className="number">{format.number(v.everyone)}</td>
                    <td className="number">
                      <DrillNumber value={v.segment} drill={{ title: `${name} · ${t('home.known')}`, kind: 'compare', body: { ...request, cell: { group: v.value } } }}>
                        {format.number(v.segment)}
                      </DrillNumber>
                    </td>
                  </Row>
                );
              })}
            </tbody>
          </table>
        );
      }}
    </Panel>
  );
}

export function Customers({ kind, without }: { kind: Grouping; without?: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const result = useReport<CustomerGroups>(kind, {});
  return (
    <Panel title={t(`reports.groupings.${kind}`)} hint={t(`reports.groupingHints.${kind}`)} more={`/reports/customers?by=${kind}`} result={result}>
      {({ groups }) => {
        const shown = groups.filter((g) => g.group !== without && g.profiles > 0);
        const most = Math.max(1, ...shown.map((g) => g.profiles));
        if (shown.length === 0) return <None />;
        return (
          <table className="kern-table">
            <thead>
              <tr>
                <th scope="col">{t('reports.group')}</th>
                <th scope="col" className="number">
                  {t('reports.size')}
                </th>
                <th scope="col" className="number">
                  {t('reports.shareOfRevenue')}
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((g) => {
                const name = t(groupLabel(kind, g.group), { defaultValue: g.group });
                return (
                  <Row key={g.group} label={name} share={g.profiles / most}>
                    <td className="number">
                      <DrillNumber value={g.profiles} drill={{ title: name, kind, body: { cell: { group: g.group } } }}>
                        {format.number(g.profiles)}
                      </DrillNumber>
                    </td>
                    <td className="number">{g.share_of_revenue === null ? '–' : format.percent(g.share_of_revenue)}</td>
                  </Row>
                );
              })}
            </tbody>
          </table>
        );
      }}
    </Panel>
  );
}

const QUIET_HOURS = 24;

export function Intake() {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const result = useQuery({ queryKey: ['sources', ws('')], queryFn: ({ signal }) => get<Page<Source>>(ws('/sources'), { limit: 1000 }, signal), refetchInterval: 10_000 });
  const quiet = (s: Source) => !s.statistics?.last_event_at || Date.now() - Date.parse(s.statistics.last_event_at) > QUIET_HOURS * 3600e3;
  return (
    <Panel title={t('home.intake')} more="/sources" result={result}>
      {({ data }) =>
        data.length === 0 ? (
          <None />
        ) : (
          <ul className="kern-people" style={{ padding: '0 1rem 0.5rem' }}>
            {data.map((s) => (
              <li key={s.id}>
                <Group justify="space-between" gap="xs">
                  <Link className="kern-link" href={`/sources/${s.id}`}>
                    {s.name}
                  </Link>
                  {!s.enabled ? <Badge color="gray">{t('sources.disabled')}</Badge> : quiet(s) ? <Badge color="apricot">{t('home.quiet')}</Badge> : <Badge>{t('home.works')}</Badge>}
                </Group>
                <Text size="sm" c="dimmed">
                  {t('home.intakeLine', { events: format.number(s.statistics?.events ?? 0), rejects: format.number(s.statistics?.rejects ?? 0), last: s.statistics?.last_event_at ? format.ago(s.statistics.last_event_at) : t('sources.never') })}
                </Text>
              </li>
            ))}
          </ul>
        )
      }
    </Panel>
  );
}
