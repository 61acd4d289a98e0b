import { Badge, Button, Group, Select, Text, TextInput } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { get, pagesOf } from '../api/client';
import type { Page } from '../api/types';
import { useFormat } from '../format';
import { saveBlob } from '../reports/csv';
import { useWs } from '../session';
import { Empty, Failed, LoadingRows } from '../ui/states';
import { FormError } from '../ui/form-errors';
import { SettingsFrame } from './parts';
import { AUDIT_KINDS, type AuditEntry, type Token, type User } from './types';

interface Filter {
  kind?: string;
  actor?: string;
  from?: string;
  to?: string;
  subject?: string;
}

/** The day after, so that "to" includes the day that is named. */
const dayAfter = (day: string) => new Date(Date.parse(day) + 86400e3).toISOString().slice(0, 10);
const queryOf = (f: Filter) => ({ kind: f.kind, actor: f.actor, subject: f.subject?.trim(), from: f.from, to: f.to && dayAfter(f.to) });

function useActors() {
  const users = useQuery({ queryKey: ['users'], queryFn: ({ signal }) => get<Page<User>>('/api/v1/users', { limit: 1000 }, signal) });
  const tokens = useQuery({ queryKey: ['tokens'], queryFn: ({ signal }) => get<Page<Token>>('/api/v1/tokens', { limit: 1000 }, signal) });
  return useMemo(
    () => [...(users.data?.data ?? []).map((u) => ({ value: u.id, label: u.name ? `${u.name} (${u.email})` : u.email })), ...(tokens.data?.data ?? []).map((k) => ({ value: k.id, label: k.name }))],
    [users.data, tokens.data],
  );
}

function Filters({ filter, change, actors }: { filter: Filter; change: (filter: Filter) => void; actors: { value: string; label: string }[] }) {
  const { t } = useTranslation();
  return (
    <Group px="md" pt="md" pb="xs" gap="sm" align="end" role="search">
      <Select label={t('account.audit.kind')} data={AUDIT_KINDS.map((value) => ({ value, label: t(`account.audit.kinds.${value}`) }))} value={filter.kind ?? null} onChange={(value) => change({ ...filter, kind: value ?? undefined })} placeholder={t('account.audit.any')} clearable w={160} />
      <Select label={t('account.audit.who')} data={actors} value={filter.actor ?? null} onChange={(value) => change({ ...filter, actor: value ?? undefined })} placeholder={t('account.audit.anyone')} clearable searchable w={200} />
      <TextInput type="date" label={t('account.audit.from')} value={filter.from ?? ''} onChange={(event) => change({ ...filter, from: event.currentTarget.value || undefined })} w={150} />
      <TextInput type="date" label={t('account.audit.to')} value={filter.to ?? ''} onChange={(event) => change({ ...filter, to: event.currentTarget.value || undefined })} w={150} />
      <TextInput label={t('account.audit.subject')} placeholder={t('account.audit.subjectHint')} value={filter.subject ?? ''} onChange={(event) => change({ ...filter, subject: event.currentTarget.value || undefined })} w={200} />
    </Group>
  );
}

function Subject({ entry, actors }: { entry: AuditEntry; actors: { value: string; label: string }[] }) {
  const { t } = useTranslation();
  if (entry.action === 'getProfile' && entry.subject) {
    return (
      <Link className="kern-link" href={`/profiles/${entry.subject}`}>
        {t('account.audit.profile')} {entry.subject.slice(0, 8)}…
      </Link>
    );
  }
  if (entry.subject) return <span className="kern-break">{actors.find((a) => a.value === entry.subject)?.label ?? entry.subject}</span>;
  if (entry.profiles.length === 0) return null;
  return <>{t('account.audit.people', { count: entry.profiles.length })}</>;
}

function Row({ entry, actors }: { entry: AuditEntry; actors: { value: string; label: string }[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const action = entry.action.replace(/^report\w+Profiles$/, 'reportProfiles').replace(/^profileApi\w+$/, 'profileApi');
  return (
    <tr>
      <td style={{ whiteSpace: 'nowrap' }}>{format.dateTime(entry.at)}</td>
      <td>
        <span className="kern-break">{entry.name || entry.actor || t('account.audit.nobody')}</span>
      </td>
      <td>
        <Text size="sm" span>
          {t(`account.audit.actions.${action}`, { defaultValue: entry.action })}
          {entry.count > 1 && ` (${format.number(entry.count)}×)`}
        </Text>{' '}
        {entry.refused && <Badge color="red">{t('account.audit.refused')}</Badge>}
      </td>
      <td>
        <Subject entry={entry} actors={actors} />
      </td>
      <td style={{ whiteSpace: 'nowrap' }}>{entry.address}</td>
    </tr>
  );
}

export default function AuditPage() {
  const { t } = useTranslation();
  const ws = useWs();
  const [filter, setFilter] = useState<Filter>({});
  const actors = useActors();
  const list = useInfiniteQuery({
    queryKey: ['audit', ws(''), filter],
    queryFn: ({ pageParam, signal }) => get<Page<AuditEntry>>(ws('/audit'), { ...queryOf(filter), limit: 100, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const entries = list.data?.pages.flatMap((p) => p.data) ?? [];
  const save = useMutation({ mutationFn: async () => saveBlob('audit.csv', new Blob(await pagesOf(ws('/audit.csv'), queryOf(filter)), { type: 'text/csv' })) });
  const csv = (
    <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />} onClick={() => save.mutate()} loading={save.isPending}>
      {t('reports.csv')}
    </Button>
  );
  return (
    <SettingsFrame title={t('account.pages.audit')} lead={t('account.audit.lead')} actions={csv}>
      <FormError error={save.error} fields={[]} />
      <section className="kern-card">
        <Filters filter={filter} change={setFilter} actors={actors} />
        {list.isError ? (
          <Failed error={list.error} retry={() => list.refetch()} />
        ) : list.isPending ? (
          <LoadingRows rows={8} />
        ) : entries.length === 0 && !list.hasNextPage ? (
          <Empty title={t('account.audit.empty')} hint={t('account.audit.emptyHint')} />
        ) : (
          <div className="kern-scroll" tabIndex={0} role="region" aria-label={t('account.pages.audit')}>
            <table className="kern-table">
              <thead>
                <tr>
                  <th scope="col">{t('reports.when')}</th>
                  <th scope="col">{t('account.audit.who')}</th>
                  <th scope="col">{t('account.audit.what')}</th>
                  <th scope="col">{t('account.audit.about')}</th>
                  <th scope="col">{t('account.audit.address')}</th>
                </tr>
              </thead>
              <tbody>
                {entries.map((entry) => (
                  <Row key={entry.number} entry={entry} actors={actors} />
                ))}
              </tbody>
            </table>
          </div>
        )}
        {list.hasNextPage && (
          <Group justify="center" p="md">
            <Button variant="default" onClick={() => void list.fetchNextPage()} loading={list.isFetchingNextPage}>
              {t('state.more')}
            </Button>
          </Group>
        )}
      </section>
    </SettingsFrame>
  );
}
