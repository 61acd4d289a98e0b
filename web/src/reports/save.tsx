/** Keeps the report as it is set: under a new name, or the one it was opened by. */
import { Button, Group, Select, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconDeviceFloppy } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'wouter';
import { NameModal } from '../ui/name-modal';
import { useDocuments, useKeep, useMayKeep, type Dashboard, type SavedReport } from './documents';
import type { Kind } from './kinds';

function settingsOf(params: URLSearchParams): Record<string, string> {
  const settings = Object.fromEntries(params);
  delete settings.saved;
  return settings;
}

const isSame = (a: Record<string, string>, b: Record<string, string>) => Object.keys({ ...a, ...b }).every((key) => a[key] === b[key]);

function SaveAs({ kind, settings, onClose, onSaved }: { kind: Kind; settings: Record<string, string>; onClose: () => void; onSaved: (r: SavedReport) => void }) {
  const { t } = useTranslation();
  const reports = useKeep('/reports/saved');
  const boards = useKeep('/dashboards');
  const dashboards = useDocuments('/dashboards');
  const [board, setBoard] = useState<string | null>(null);
  const place = (report: SavedReport, d: Dashboard) => boards.change.mutateAsync({ id: d.id, name: d.name, version: d.version, items: [...d.items, { report: report.id, width: 1 }] });
  const save = async (name: string) => {
    const report = await reports.create.mutateAsync({ name, kind, settings });
    const target = dashboards.data?.find((d) => d.id === board);
    if (target) await place(report, target);
    onSaved(report);
  };
  return (
    <NameModal title={t('reports.saveReport')} label={t('reports.name')} busy={reports.create.isPending || boards.change.isPending} onClose={onClose} onSave={(name) => void save(name).catch(() => undefined)}>
      {(dashboards.data ?? []).length > 0 && <Select clearable label={t('reports.onDashboard')} placeholder={t('state.none')} data={dashboards.data!.map((d) => ({ value: d.id, label: d.name }))} value={board} onChange={setBoard} clearButtonProps={{ 'aria-label': t('state.none') }} />}
    </NameModal>
  );
}

export function SaveControls({ kind }: { kind: Kind }) {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  const [asking, setAsking] = useState(false);
  const may = useMayKeep();
  const reports = useDocuments('/reports/saved');
  const { change } = useKeep('/reports/saved');
  const saved = reports.data?.find((r) => r.id === params.get('saved') && r.kind === kind);
  const settings = settingsOf(params);
  const told = (name: string) => notifications.show({ message: t('reports.wasSaved', { name }) });
  const open = (report: SavedReport) => {
    setAsking(false);
    told(report.name);
    setParams((now) => {
      const next = new URLSearchParams(now);
      next.set('saved', report.id);
      return next;
    });
  };
  if (!may) return saved ? <Text fw={560}>{saved.name}</Text> : null;
  const changed = saved && !isSame(saved.settings, settings);
  return (
    <Group gap="xs">
      {saved && (
        <Text fw={560} maw={260} truncate title={saved.name}>
          {saved.name}
        </Text>
      )}
      {changed && (
        <Button size="sm" loading={change.isPending} onClick={() => change.mutate({ id: saved.id, name: saved.name, kind, settings, version: saved.version }, { onSuccess: () => told(saved.name) })}>
          {t('reports.saveChanges')}
        </Button>
      )}
      <Button size="sm" variant={saved ? 'default' : 'light'} leftSection={<IconDeviceFloppy size={16} aria-hidden />} onClick={() => setAsking(true)}>
        {t(saved ? 'reports.saveAs' : 'reports.keep')}
      </Button>
      {asking && <SaveAs kind={kind} settings={settings} onClose={() => setAsking(false)} onSaved={open} />}
    </Group>
  );
}
