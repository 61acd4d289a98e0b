/** The frame of a report: which one, the period, its settings, what it warns of. */
import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation, useSearchParams } from 'wouter';
import { CatalogProvider } from '../segments/catalog';
import { PageHead } from '../ui/page';
import { Failed, LoadingRows } from '../ui/states';
import { PeriodPicker } from './controls';
import { download, type Cell } from './csv';
import { DrillProvider } from './drill';

const KINDS = ['series', 'funnel', 'retention', 'customers'] as const;

function Kinds() {
  const { t } = useTranslation();
  const [location] = useLocation();
  const [params] = useSearchParams();
  const period = params.get('period');
  return (
    <nav className="kern-tabs" aria-label={t('reports.title')}>
      {KINDS.map((kind) => (
        <Link key={kind} href={`/reports/${kind}${period ? `?period=${encodeURIComponent(period)}` : ''}`} aria-current={location === `/reports/${kind}` ? 'page' : undefined}>
          {t(`reports.kinds.${kind}`)}
        </Link>
      ))}
    </nav>
  );
}

export function ReportPage({ title, lead, timeless, children }: { title: string; lead: string; timeless?: boolean; children: ReactNode }) {
  return (
    <CatalogProvider>
      <DrillProvider>
        <Kinds />
        <PageHead title={title} lead={lead} actions={timeless ? undefined : <PeriodPicker />} />
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

/** The answer, or why there is none. */
export function Answer<T extends { warnings: { detail: string }[]; took_ms: number }>({ result, children }: { result: Result<T>; children: (answer: T) => ReactNode }) {
  const { t } = useTranslation();
  if (result.error) return <Failed error={result.error} retry={() => void result.refetch()} />;
  if (!result.data) return <LoadingRows rows={6} />;
  return (
    <div aria-busy={result.isFetching}>
      {result.data.warnings.map((w) => (
        <Alert key={w.detail} color="apricot" mx="md" mb="sm" role="status">
          {w.detail}
        </Alert>
      ))}
      {children(result.data)}
      <Text px="md" pb="sm" pt="xs" size="xs" c="dimmed">
        {t('reports.exact', { ms: Math.max(1, Math.round(result.data.took_ms)) })}
      </Text>
    </div>
  );
}

export function CsvButton({ name, rows }: { name: string; rows: () => Cell[][] }) {
  const { t } = useTranslation();
  return (
    <Group justify="end">
      <Button size="xs" variant="default" leftSection={<IconDownload size={14} aria-hidden />} onClick={() => download(name, rows())}>
        {t('reports.csv')}
      </Button>
    </Group>
  );
}
