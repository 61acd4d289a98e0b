import { ActionIcon, Button, Group, Select, Text } from '@mantine/core';
import { IconArrowLeft, IconArrowRight, IconArrowsHorizontal, IconX } from '@tabler/icons-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useSearchParams } from 'wouter';
import { reportHref, useDocuments, useKeep, useMayKeep, type Dashboard, type DashboardItem, type SavedReport } from '../reports/documents';
import { DrillProvider } from '../reports/drill';
import { DEFAULT_PERIOD, periodOf, PRESETS, useLocalMinute } from '../reports/period';
import { usePeriodText } from '../reports/period-text';
import { DRAW, TIMELESS } from '../reports/registry';
import { CatalogProvider } from '../segments/catalog';
import { Card, PageHead } from '../ui/page';
import { NameModal } from '../ui/name-modal';
import { Empty, Failed, Loading } from '../ui/states';

function Tile({ report, period: chosen }: { report: SavedReport; period: string | null }) {
  const text = usePeriodText();
  const now = useLocalMinute();
  const period = periodOf(chosen ?? report.settings.period ?? DEFAULT_PERIOD, now);
  const open = chosen && !TIMELESS.has(report.kind) ? { ...report, settings: { ...report.settings, period: chosen } } : report;
  return (
    <>
      <Group px="md" pt="md" pb="xs" justify="space-between" gap="xs">
        <Text component="h2" m={0} fz="md" fw={620} style={{ overflowWrap: 'anywhere' }}>
          <Link className="kern-link" href={reportHref(open)}>
            {report.name}
          </Link>
        </Text>
        {!TIMELESS.has(report.kind) && (
          <Text size="sm" c="dimmed">
            {text(period)}
          </Text>
        )}
      </Group>
      <div className="kern-tile" role="region" aria-label={report.name} tabIndex={0}>{DRAW[report.kind](report.settings, period)}</div>
    </>
  );
}

interface ArrangeProps {
  name: string;
  at: number;
  items: DashboardItem[];
  onChange: (items: DashboardItem[]) => void;
}

/** Buttons, so that the keyboard arranges as well as the mouse. */
function Arrange({ name, at, items, onChange }: ArrangeProps) {
  const { t } = useTranslation();
  const item = items[at]!;
  const move = (to: number) => onChange(items.toSpliced(at, 1).toSpliced(to, 0, item));
  const button = (label: string, icon: ReactNode, act: () => void, off = false) => (
    <ActionIcon variant="default" disabled={off} onClick={act} aria-label={t(`reports.${label}`, { name })}>
      {icon}
    </ActionIcon>
  );
  return (
    <Group gap={4} px="md" pt="sm" justify="end">
      {button('moveBack', <IconArrowLeft size={16} />, () => move(at - 1), at === 0)}
      {button('moveOn', <IconArrowRight size={16} />, () => move(at + 1), at === items.length - 1)}
      {button(item.width === 2 ? 'narrower' : 'wider', <IconArrowsHorizontal size={16} />, () => onChange(items.with(at, { ...item, width: 3 - item.width })))}
      {button('takeOff', <IconX size={16} />, () => onChange(items.toSpliced(at, 1)))}
    </Group>
  );
}

function PeriodChoice() {
  const { t } = useTranslation();
  const [params, setParams] = useSearchParams();
  return (
    <Select
      w={190}
      allowDeselect={false}
      aria-label={t('reports.period')}
      data={[{ value: '', label: t('reports.ownPeriods') }, ...PRESETS.map((p) => ({ value: p as string, label: t(`reports.periods.${p}`) }))]}
      value={params.get('period') ?? ''}
      onChange={(next) => setParams(next ? { period: next } : {}, { replace: true })}
    />
  );
}

function Board({ board, reports }: { board: Dashboard; reports: SavedReport[] }) {
  const { t } = useTranslation();
  const [params] = useSearchParams();
  const [draft, setDraft] = useState<DashboardItem[] | null>(null);
  const [renaming, setRenaming] = useState(false);
  const may = useMayKeep();
  const { change } = useKeep('/dashboards');
  const items = draft ?? board.items;
  const period = params.get('period');
  const save = (next: Partial<Dashboard>, done: () => void) => change.mutate({ id: board.id, version: board.version, name: board.name, items: board.items, ...next }, { onSuccess: done });
  const actions = (
    <Group gap="xs">
      <PeriodChoice />
      {may && !draft && (
        <>
          <Button variant="default" onClick={() => setRenaming(true)}>
            {t('reports.rename')}
          </Button>
          <Button variant="light" onClick={() => setDraft(board.items)}>
            {t('reports.arrange')}
          </Button>
        </>
      )}
      {draft && (
        <>
          <Button variant="default" onClick={() => setDraft(null)}>
            {t('state.cancel')}
          </Button>
          <Button loading={change.isPending} onClick={() => save({ items: draft }, () => setDraft(null))}>
            {t('state.save')}
          </Button>
        </>
      )}
    </Group>
  );
  return (
    <>
      <PageHead title={board.name} actions={actions} />
      {draft && (
        <Group mb="md">
          <Select w={{ base: '100%', xs: 320 }} searchable label={t('reports.addReport')} placeholder={reports.length > 0 ? t('reports.chooseReport') : t('reports.noneSaved')} data={reports.map((r) => ({ value: r.id, label: r.name }))} value={null} onChange={(id) => id && setDraft([...draft, { report: id, width: 1 }])} />
        </Group>
      )}
      {items.length === 0 && !draft ? (
        <Empty title={t('reports.emptyDashboard')} hint={t('reports.emptyDashboardHint')}>
          <Group>
            <Button component={Link} variant="default" href="/reports/series">
              {t('reports.toReports')}
            </Button>
            {may && <Button onClick={() => setDraft([])}>{t('reports.addReport')}</Button>}
          </Group>
        </Empty>
      ) : (
        <div className="kern-board">
          {items.map((item, at) => {
            const report = reports.find((r) => r.id === item.report);
            if (!report) return null;
            return (
              <div key={`${item.report}-${at}`} data-wide={item.width === 2 || undefined}>
                <Card label={report.name}>
                  {draft && <Arrange name={report.name} at={at} items={draft} onChange={setDraft} />}
                  <Tile report={report} period={period} />
                </Card>
              </div>
            );
          })}
        </div>
      )}
      {renaming && <NameModal title={t('reports.rename')} label={t('reports.name')} initial={board.name} busy={change.isPending} onClose={() => setRenaming(false)} onSave={(name) => save({ name }, () => setRenaming(false))} />}
    </>
  );
}

export default function DashboardPage({ id }: { id: string }) {
  const { t } = useTranslation();
  const boards = useDocuments('/dashboards');
  const reports = useDocuments('/reports/saved');
  const failed = boards.error ?? reports.error;
  if (failed) return <Failed error={failed} retry={() => void Promise.all([boards.refetch(), reports.refetch()])} />;
  if (!boards.data || !reports.data) return <Loading />;
  const board = boards.data.find((b) => b.id === id);
  return (
    <CatalogProvider>
      <DrillProvider>
        <Text mb="xs" size="sm">
          <Link className="kern-link" href="/dashboards">
            ← {t('reports.dashboards')}
          </Link>
        </Text>
        {board ? <Board board={board} reports={reports.data} /> : <Empty title={t('reports.noSuchDashboard')} />}
      </DrillProvider>
    </CatalogProvider>
  );
}
