import { Button, Modal } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'wouter';
import { get } from '../api/client';
import type { Page } from '../api/types';
import { DestinationForm } from '../destinations/form';
import { DestinationStatus, mayExport, type Destination } from '../destinations/shapes';
import { useFormat } from '../format';
import { useSession, useWs } from '../session';
import { ShownOnce } from '../ui/copy';
import { PageHead } from '../ui/page';
import { Empty, Failed, LoadingRows } from '../ui/states';

function Add({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const [, navigate] = useLocation();
  const [made, setMade] = useState<Destination | null>(null);
  if (!made) return <DestinationForm close={close} saved={setMade} />;
  return <ShownOnce label={t('destinations.secret')} hint={t('destinations.secretOnce')} text={made.secret ?? ''} close={() => navigate(`/destinations/${made.id}`)} />;
}

export function DestinationsPage() {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const { caller } = useSession();
  const [open, { open: show, close }] = useDisclosure();
  const list = useQuery({ queryKey: ['destinations', ws('')], queryFn: ({ signal }) => get<Page<Destination>>(ws('/destinations'), {}, signal), refetchInterval: 5000 });
  const button = mayExport(caller) && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={show}>
      {t('destinations.add')}
    </Button>
  );
  return (
    <>
      <PageHead title={t('destinations.title')} lead={t('destinations.lead')} actions={button} />
      <Modal opened={open} onClose={close} title={t('destinations.add')} closeButtonProps={{ 'aria-label': t('state.close') }} closeOnClickOutside={false}>
        <Add close={close} />
      </Modal>
      <section className="kern-card">
        {list.isError ? (
          <Failed error={list.error} retry={() => list.refetch()} />
        ) : list.isPending ? (
          <LoadingRows rows={4} />
        ) : list.data.data.length === 0 ? (
          <Empty title={t('destinations.noEmpty')} hint={t('destinations.noEmptyHint')} />
        ) : (
          <div style={{ overflowX: 'auto' }} tabIndex={0} role="region" aria-label={t('destinations.title')}>
            <table className="kern-table">
              <thead>
                <tr>
                  <th scope="col">{t('destinations.name')}</th>
                  <th scope="col">{t('destinations.status')}</th>
                  <th scope="col">{t('destinations.purpose')}</th>
                  <th scope="col" className="number">
                    {t('destinations.delivered')}
                  </th>
                  <th scope="col" className="number">
                    {t('destinations.waiting')}
                  </th>
                  <th scope="col" className="number">
                    {t('destinations.dead')}
                  </th>
                  <th scope="col">{t('destinations.last')}</th>
                </tr>
              </thead>
              <tbody>
                {list.data.data.map((d) => (
                  <tr key={d.id}>
                    <td>
                      <Link className="kern-link" href={`/destinations/${d.id}`}>
                        {d.name}
                      </Link>
                    </td>
                    <td>
                      <DestinationStatus status={d.status} />
                    </td>
                    <td>{t(`purpose.${d.purpose}`, { defaultValue: d.purpose })}</td>
                    <td className="number">{format.number(d.statistics.delivered)}</td>
                    <td className="number">{format.number(d.statistics.waiting)}</td>
                    <td className="number">{format.number(d.statistics.dead_letters)}</td>
                    <td>{d.statistics.last_delivered_at ? format.ago(d.statistics.last_delivered_at) : t('destinations.never')}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
    </>
  );
}
