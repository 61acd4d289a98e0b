import { ActionIcon, Badge, Button, Group, NumberInput, Select, Switch, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { IconPencil, IconPlus, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { get } from '../api/client';
import type { Page, Source } from '../api/types';
import { useFormat } from '../format';
import { useAlertText } from '../reports/alert-text';
import { useDocuments, useKeep, useMayKeep, type Alert } from '../reports/documents';
import { CatalogProvider, useCatalog } from '../segments/catalog';
import { useWs } from '../session';
import { Confirm } from '../ui/confirm';
import { FormModal } from '../ui/form-modal';
import { Card, PageHead } from '../ui/page';
import { Empty, Failed, LoadingRows } from '../ui/states';

const KINDS = ['no_orders', 'silent_source', 'segment_change'] as const;
const COLORS = { firing: 'apricot', ok: 'kern', unknown: 'gray', missing: 'gray', off: 'gray' };

function useSources() {
  const ws = useWs();
  return useQuery({ queryKey: ['sources', ws('')], queryFn: ({ signal }) => get<Page<Source>>(ws('/sources'), { limit: 1000 }, signal), select: (page) => page.data }).data ?? [];
}

type Draft = Pick<Alert, 'name' | 'kind' | 'enabled'> & { hours: number; source: string | null; segment: string | null; percent: number; days: number };

/** What goes with its kind. */
function bodyOf(d: Draft): Partial<Alert> {
  const base = { name: d.name.trim(), kind: d.kind, enabled: d.enabled };
  if (d.kind === 'no_orders') return { ...base, hours: d.hours };
  if (d.kind === 'silent_source') return { ...base, hours: d.hours, source: d.source ?? '' };
  return { ...base, segment: d.segment ?? '', percent: d.percent, days: d.days };
}

const draftOf = (a?: Alert): Draft => ({ name: a?.name ?? '', kind: a?.kind ?? 'no_orders', enabled: a?.enabled ?? true, hours: a?.hours ?? 2, source: a?.source ?? null, segment: a?.segment ?? null, percent: a?.percent ?? 30, days: a?.days ?? 7 });

function Fields({ draft, set }: { draft: Draft; set: (next: Partial<Draft>) => void }) {
  const { t } = useTranslation();
  const sources = useSources();
  const { segments } = useCatalog();
  const number = (key: 'hours' | 'percent' | 'days', max: number) => <NumberInput label={t(`alerts.${key}`)} min={1} max={max} allowDecimal={false} value={draft[key]} onChange={(v) => set({ [key]: Number(v) || 1 })} />;
  return (
    <>
      <Select label={t('alerts.kind')} allowDeselect={false} data={KINDS.map((k) => ({ value: k, label: t(`alerts.kinds.${k}`) }))} value={draft.kind} onChange={(kind) => set({ kind: kind as Alert['kind'] })} />
      {draft.kind === 'silent_source' && <Select required searchable label={t('alerts.source')} data={sources.map((s) => ({ value: s.id, label: s.name }))} value={draft.source} onChange={(source) => set({ source })} />}
      {draft.kind === 'segment_change' && <Select required searchable label={t('reports.audience')} data={segments.map((s) => ({ value: s.key, label: s.name }))} value={draft.segment} onChange={(segment) => set({ segment })} />}
      {draft.kind !== 'segment_change' && number('hours', 2160)}
      {draft.kind === 'segment_change' && (
        <Group grow>
          {number('percent', 1000)}
          {number('days', 365)}
        </Group>
      )}
      <TextInput required label={t('reports.name')} maxLength={150} value={draft.name} onChange={(e) => set({ name: e.currentTarget.value })} />
    </>
  );
}

function Editor({ alert, onClose }: { alert?: Alert; onClose: () => void }) {
  const { t } = useTranslation();
  const { create, change } = useKeep('/alerts');
  const [draft, setDraft] = useState(() => draftOf(alert));
  const good = draft.name.trim() !== '' && (draft.kind !== 'silent_source' || !!draft.source) && (draft.kind !== 'segment_change' || !!draft.segment);
  const done = { onSuccess: onClose };
  const save = () => (alert ? change.mutate({ ...bodyOf(draft), id: alert.id, version: alert.version }, done) : create.mutate(bodyOf(draft), done));
  return (
    <FormModal title={t(alert ? 'alerts.change' : 'alerts.create')} good={good} busy={create.isPending || change.isPending} onClose={onClose} onSave={save}>
      <Fields draft={draft} set={(next) => setDraft({ ...draft, ...next })} />
    </FormModal>
  );
}

function Row({ alert, nameOf, onEdit, onRemove }: { alert: Alert; nameOf: (a: Alert) => string; onEdit: () => void; onRemove: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const text = useAlertText();
  const may = useMayKeep();
  const { change } = useKeep('/alerts');
  const toggle = (enabled: boolean) => change.mutate({ ...bodyOf({ ...draftOf(alert), enabled }), id: alert.id, version: alert.version });
  return (
    <tr>
      <th scope="row" style={{ whiteSpace: 'normal', overflowWrap: 'anywhere', minWidth: 150 }}>
        <Text size="sm" fw={560} c="var(--mantine-color-text)">
          {alert.name}
        </Text>
        <Text size="xs" c="dimmed" fw={400}>
          {text.rule(alert, nameOf)}
        </Text>
      </th>
      <td>
        <Badge color={COLORS[alert.state]}>{t(`alerts.state.${alert.state}`)}</Badge>
      </td>
      <td title={alert.since ? format.dateTime(alert.since) : undefined}>{text.state(alert)}</td>
      {may && (
        <td>
          <Group gap={4} justify="end" wrap="nowrap">
            <Switch size="sm" checked={alert.enabled} disabled={change.isPending} onChange={(e) => toggle(e.currentTarget.checked)} aria-label={t('alerts.enabledOf', { name: alert.name })} />
            <ActionIcon variant="subtle" color="gray" onClick={onEdit} aria-label={t('alerts.changeOf', { name: alert.name })}>
              <IconPencil size={16} />
            </ActionIcon>
            <ActionIcon variant="subtle" color="gray" onClick={onRemove} aria-label={t('reports.removeOf', { name: alert.name })}>
              <IconTrash size={16} />
            </ActionIcon>
          </Group>
        </td>
      )}
    </tr>
  );
}

function Alerts({ onCreate, onEdit }: { onCreate: () => void; onEdit: (a: Alert) => void }) {
  const { t } = useTranslation();
  const may = useMayKeep();
  const alerts = useDocuments('/alerts', { refetchInterval: 60_000 });
  const { remove } = useKeep('/alerts');
  const [removing, setRemoving] = useState<Alert | null>(null);
  const sources = useSources();
  const { segments } = useCatalog();
  const nameOf = (a: Alert) => (a.kind === 'silent_source' ? (sources.find((s) => s.id === a.source)?.name ?? a.source) : (segments.find((s) => s.key === a.segment)?.name ?? a.segment)) ?? '';
  if (alerts.isError) return <Failed error={alerts.error} retry={() => alerts.refetch()} />;
  if (alerts.isPending) return <LoadingRows />;
  if (alerts.data.length === 0) return <Empty title={t('alerts.none')} hint={t('alerts.noneHint')}>{may && <Button onClick={onCreate}>{t('alerts.create')}</Button>}</Empty>;
  return (
    <div className="kern-scroll" role="region" aria-label={t('reports.table')} tabIndex={0}>
      <table className="kern-table">
        <thead>
          <tr>
            <th scope="col">{t('alerts.title')}</th>
            <th scope="col">{t('alerts.stands')}</th>
            <th scope="col">{t('alerts.why')}</th>
            {may && <td />}
          </tr>
        </thead>
        <tbody>
          {alerts.data
            .toSorted((a, b) => Number(b.state === 'firing') - Number(a.state === 'firing') || a.name.localeCompare(b.name))
            .map((alert) => (
              <Row key={alert.id} alert={alert} nameOf={nameOf} onEdit={() => onEdit(alert)} onRemove={() => setRemoving(alert)} />
            ))}
        </tbody>
      </table>
      {removing && <Confirm title={t('reports.removeTitle', { name: removing.name })} busy={remove.isPending} onClose={() => setRemoving(null)} onConfirm={() => remove.mutate(removing.id, { onSettled: () => setRemoving(null) })} />}
    </div>
  );
}

export default function AlertsPage() {
  const { t } = useTranslation();
  const may = useMayKeep();
  const [editing, edit] = useState<{ alert?: Alert } | null>(null);
  return (
    <CatalogProvider>
      <PageHead
        title={t('alerts.title')}
        lead={t('alerts.lead')}
        actions={
          may && (
            <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => edit({})}>
              {t('alerts.create')}
            </Button>
          )
        }
      />
      <Card>
        <Alerts onCreate={() => edit({})} onEdit={(alert) => edit({ alert })} />
      </Card>
      {editing && <Editor alert={editing.alert} onClose={() => edit(null)} />}
    </CatalogProvider>
  );
}
