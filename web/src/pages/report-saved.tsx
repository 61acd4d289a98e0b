import { ActionIcon, Button, Group, Text } from '@mantine/core';
import { IconPencil, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { useFormat } from '../format';
import { reportHref, useDocuments, useKeep, useMayKeep, type SavedReport } from '../reports/documents';
import { ReportPage } from '../reports/frame';
import { Confirm } from '../ui/confirm';
import { NameModal } from '../ui/name-modal';
import { Card } from '../ui/page';
import { Empty, Failed, LoadingRows } from '../ui/states';

type Asking = { what: 'rename' | 'remove'; report: SavedReport } | null;

function Table({ reports, ask }: { reports: SavedReport[]; ask: (asking: Asking) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const may = useMayKeep();
  return (
    <div className="kern-scroll" role="region" aria-label={t('reports.table')} tabIndex={0}>
      <table className="kern-table">
        <thead>
          <tr>
            <th scope="col">{t('reports.name')}</th>
            <th scope="col">{t('reports.kind')}</th>
            <th scope="col">{t('reports.changed')}</th>
            {may && <td />}
          </tr>
        </thead>
        <tbody>
          {reports
            .toSorted((a, b) => a.name.localeCompare(b.name))
            .map((report) => (
              <tr key={report.id}>
                <th scope="row" style={{ whiteSpace: 'normal', overflowWrap: 'anywhere' }}>
                  <Link className="kern-link" href={reportHref(report)}>
                    {report.name}
                  </Link>
                </th>
                <td>{t(`reports.kinds.${report.kind}`)}</td>
                <td title={format.dateTime(report.updated_at)}>{format.ago(report.updated_at)}</td>
                {may && (
                  <td>
                    <Group gap={4} justify="end" wrap="nowrap">
                      <ActionIcon variant="subtle" color="gray" onClick={() => ask({ what: 'rename', report })} aria-label={t('reports.renameOf', { name: report.name })}>
                        <IconPencil size={16} />
                      </ActionIcon>
                      <ActionIcon variant="subtle" color="gray" onClick={() => ask({ what: 'remove', report })} aria-label={t('reports.removeOf', { name: report.name })}>
                        <IconTrash size={16} />
                      </ActionIcon>
                    </Group>
                  </td>
                )}
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  );
}

function Saved() {
  const { t } = useTranslation();
  const reports = useDocuments('/reports/saved');
  const { change, remove } = useKeep('/reports/saved');
  const [asking, ask] = useState<Asking>(null);
  const done = { onSuccess: () => ask(null) };
  if (reports.isError) return <Failed error={reports.error} retry={() => reports.refetch()} />;
  if (reports.isPending) return <LoadingRows />;
  if (reports.data.length === 0)
    return (
      <Card>
        <Empty title={t('reports.noneSaved')} hint={t('reports.noneSavedHint')}>
          <Button component={Link} href="/reports/series">
            {t('reports.toReports')}
          </Button>
        </Empty>
      </Card>
    );
  return (
    <Card>
      <Table reports={reports.data} ask={ask} />
      <Text px="md" py="sm" size="sm" c="dimmed">
        {t('reports.shareHint')}
      </Text>
      {asking?.what === 'rename' && <NameModal title={t('reports.rename')} label={t('reports.name')} initial={asking.report.name} busy={change.isPending} onClose={() => ask(null)} onSave={(name) => change.mutate({ ...asking.report, name }, done)} />}
      {asking?.what === 'remove' && <Confirm title={t('reports.removeTitle', { name: asking.report.name })} hint={t('reports.removeReportHint')} busy={remove.isPending} onClose={() => ask(null)} onConfirm={() => remove.mutate(asking.report.id, { onSettled: () => ask(null) })} />}
    </Card>
  );
}

export default function SavedPage() {
  const { t } = useTranslation();
  return (
    <ReportPage title={t('reports.saved')} lead={t('reports.savedLead')} timeless>
      <Saved />
    </ReportPage>
  );
}
