import { ActionIcon, Button, Group, SimpleGrid, Text } from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'wouter';
import { useFormat } from '../format';
import { useDocuments, useKeep, useMayKeep, type Dashboard } from '../reports/documents';
import { Confirm } from '../ui/confirm';
import { NameModal } from '../ui/name-modal';
import { PageHead } from '../ui/page';
import { Empty, Failed, LoadingRows } from '../ui/states';

function Cards({ boards }: { boards: Dashboard[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const may = useMayKeep();
  const { remove } = useKeep('/dashboards');
  const [removing, setRemoving] = useState<Dashboard | null>(null);
  return (
    <>
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 3 }} spacing="md">
        {boards
          .toSorted((a, b) => a.name.localeCompare(b.name))
          .map((board) => (
            <section className="kern-card kern-figure" key={board.id} aria-label={board.name}>
              <Group justify="space-between" wrap="nowrap" align="start">
                <Text fw={620} component="h2" m={0} fz="md" style={{ overflowWrap: 'anywhere' }}>
                  <Link className="kern-link" href={`/dashboards/${board.id}`}>
                    {board.name}
                  </Link>
                </Text>
                {may && (
                  <ActionIcon variant="subtle" color="gray" onClick={() => setRemoving(board)} aria-label={t('reports.removeOf', { name: board.name })}>
                    <IconTrash size={16} />
                  </ActionIcon>
                )}
              </Group>
              <Text size="sm" c="dimmed">
                {t('reports.reportCount', { count: board.items.length })} · {format.ago(board.updated_at)}
              </Text>
            </section>
          ))}
      </SimpleGrid>
      {removing && <Confirm title={t('reports.removeTitle', { name: removing.name })} hint={t('reports.removeDashboardHint')} busy={remove.isPending} onClose={() => setRemoving(null)} onConfirm={() => remove.mutate(removing.id, { onSettled: () => setRemoving(null) })} />}
    </>
  );
}

export default function DashboardsPage() {
  const { t } = useTranslation();
  const boards = useDocuments('/dashboards');
  const may = useMayKeep();
  const { create } = useKeep('/dashboards');
  const [asking, setAsking] = useState(false);
  const [, go] = useLocation();
  const button = may && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setAsking(true)}>
      {t('reports.newDashboard')}
    </Button>
  );
  const empty = boards.data?.length === 0;
  return (
    <>
      <PageHead title={t('reports.dashboards')} lead={t('reports.dashboardsLead')} actions={empty ? undefined : button} />
      {boards.isError ? (
        <Failed error={boards.error} retry={() => boards.refetch()} />
      ) : boards.isPending ? (
        <LoadingRows />
      ) : empty ? (
        <Empty title={t('reports.noDashboards')} hint={t('reports.noDashboardsHint')}>
          {button}
        </Empty>
      ) : (
        <Cards boards={boards.data} />
      )}
      {asking && <NameModal title={t('reports.newDashboard')} label={t('reports.name')} busy={create.isPending} onClose={() => setAsking(false)} onSave={(name) => create.mutate({ name, items: [] }, { onSuccess: (board) => go(`/dashboards/${board.id}`) })} />}
    </>
  );
}
