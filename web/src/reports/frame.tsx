/** The frame of a report: which one, the period, its settings, what it warns of. */
import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { useEffect, useRef, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation, useSearchParams } from 'wouter';
import { useFormat } from '../format';
import { CatalogProvider } from '../segments/catalog';
import { PageHead } from '../ui/page';
import { Failed, LoadingRows } from '../ui/states';
import { PeriodPicker } from './controls';
import { DrillProvider } from './drill';
import { KINDS, type Kind } from './kinds';
import { SaveControls } from './save';

function Kinds() {
  const { t } = useTranslation();
  const [location] = useLocation();
  const [params] = useSearchParams();
  const period = params.get('period');
  const nav = useRef<HTMLElement>(null);
  // On a phone the tabs scroll: the present one is in sight.
  useEffect(() => {
    void nav.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [location]);
  return (
    <nav className="kern-tabs" aria-label={t('reports.title')} ref={nav}>
      {KINDS.map((kind) => (
        <Link key={kind} href={`/reports/${kind}${period ? `?period=${encodeURIComponent(period)}` : ''}`} aria-current={location === `/reports/${kind}` ? 'page' : undefined}>
          {t(`reports.kinds.${kind}`)}
        </Link>
      ))}
      <Link href="/reports/saved" aria-current={location === '/reports/saved' ? 'page' : undefined}>
        {t('reports.saved')}
      </Link>
    </nav>
  );
}

interface PageProps {
  title: string;
  lead: string;
  /** A report that can be kept. */
  kind?: Kind;
  timeless?: boolean;
  children: ReactNode;
}

export function ReportPage({ title, lead, kind, timeless, children }: PageProps) {
  return (
    <CatalogProvider>
      <DrillProvider>
        <Kinds />
        <PageHead
          title={title}
          lead={lead}
          actions={
            <Group gap="xs">
              {kind && <SaveControls kind={kind} />}
              {!timeless && <PeriodPicker />}
            </Group>
          }
        />
        <Stack gap="md">{children}</Stack>
      </DrillProvider>
    </CatalogProvider>
  );
}

interface Result<T> {
  data: T | undefined;
  error: Error | null;
  isFetching: boolean;
  refetch: () => unknown;
}

interface Counted {
  warnings: { detail: string }[];
  took_ms: number;
  groups_left_out?: number;
  paths_left_out?: number;
}

/** The answer, or why there is none; and what it leaves out. `onMore` shows more groups. */
export function Answer<T extends Counted>({ result, onMore, children }: { result: Result<T>; onMore?: () => void; children: (answer: T) => ReactNode }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (result.error) return <Failed error={result.error} retry={() => void result.refetch()} />;
  if (!result.data) return <LoadingRows rows={6} />;
  const out = result.data.groups_left_out ?? result.data.paths_left_out ?? 0;
  return (
    <div aria-busy={result.isFetching}>
      {result.data.warnings.map((w) => (
        <Alert key={w.detail} color="apricot" mx="md" mb="sm" role="status">
          {w.detail}
        </Alert>
      ))}
      {children(result.data)}
      {out > 0 && (
        <Group px="md" pt="xs" gap="sm" role="status">
          <Text size="sm">{t('reports.leftOut', { count: out, size: format.number(out) })}</Text>
          {onMore && (
            <Button size="compact-sm" variant="light" onClick={onMore}>
              {t('reports.showMore')}
            </Button>
          )}
        </Group>
      )}
      <Text px="md" pb="sm" pt="xs" size="xs" c="dimmed">
        {t('reports.exact', { ms: Math.max(1, Math.round(result.data.took_ms)) })}
      </Text>
    </div>
  );
}
