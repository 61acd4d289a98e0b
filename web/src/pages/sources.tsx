import { Badge, Button, Group, Modal, Select, Stack, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconPlus } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'wouter';
import { ApiError, get, post } from '../api/client';
import type { Page, Source } from '../api/types';
import { useFormat } from '../format';
import { useSession, useWs } from '../session';
import { PageHead } from '../ui/page';
import { Empty, Failed, LoadingRows } from '../ui/states';

const KINDS = ['web', 'server', 'mobile', 'other'] as const;

function AddSource({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const ws = useWs();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [kind, setKind] = useState<string>('web');
  const add = useMutation({
    mutationFn: (body: { name: string; kind: string }) => post<Source>(ws('/sources'), body),
    onSuccess: (source) => {
      void client.invalidateQueries({ queryKey: ['sources'] });
      notifications.show({ message: t('sources.created', { name: source.name }) });
      navigate(`/sources/${source.id}`);
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    add.mutate({ name: String(new FormData(event.currentTarget).get('name')).trim(), kind });
  };
  const error = add.error instanceof ApiError ? (add.error.field('/name') ?? add.error.message) : add.error?.message;
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput name="name" label={t('sources.name')} required maxLength={200} data-autofocus error={error} />
        <Select label={t('sources.kind')} data={KINDS.map((value) => ({ value, label: t(`sources.kinds.${value}`) }))} value={kind} onChange={(value) => setKind(value ?? 'web')} allowDeselect={false} />
        <Group justify="end">
          <Button variant="default" onClick={close}>
            {t('state.cancel')}
          </Button>
          <Button type="submit" loading={add.isPending}>
            {t('sources.add')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

export function SourcesPage() {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const { caller } = useSession();
  const [open, { open: show, close }] = useDisclosure();
  const sources = useQuery({ queryKey: ['sources', ws('')], queryFn: ({ signal }) => get<Page<Source>>(ws('/sources'), { limit: 1000 }, signal), refetchInterval: 10_000 });
  const mayAdd = caller.permissions.includes('sources');
  const button = (
    <Group gap="xs">
      <Button component={Link} href="/sources/schema" variant="default">
        {t('schema.link')}
      </Button>
      {mayAdd && (
        <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={show}>
          {t('sources.add')}
        </Button>
      )}
    </Group>
  );
  return (
    <>
      <PageHead title={t('sources.title')} lead={t('sources.lead')} actions={button} />
      <Modal opened={open} onClose={close} title={t('sources.add')} closeButtonProps={{ 'aria-label': t('state.close') }}>
        <AddSource close={close} />
      </Modal>
      <section className="kern-card">
        {sources.isError ? (
          <Failed error={sources.error} retry={() => sources.refetch()} />
        ) : sources.isPending ? (
          <LoadingRows rows={4} />
        ) : sources.data.data.length === 0 ? (
          <Empty title={t('sources.noEmpty')} hint={t('sources.noEmptyHint')} />
        ) : (
          <div style={{ overflowX: 'auto' }}>
            <table className="kern-table">
              <thead>
                <tr>
                  <th scope="col">{t('sources.name')}</th>
                  <th scope="col">{t('sources.kind')}</th>
                  <th scope="col" className="number">
                    {t('sources.events')}
                  </th>
                  <th scope="col" className="number">
                    {t('sources.rejects')}
                  </th>
                  <th scope="col">{t('sources.lastEvent')}</th>
                </tr>
              </thead>
              <tbody>
                {sources.data.data.map((s) => (
                  <tr key={s.id}>
                    <td>
                      <Link className="kern-link" href={`/sources/${s.id}`}>
                        {s.name}
                      </Link>{' '}
                      {!s.enabled && (
                        <Badge color="gray">
                          {t('sources.disabled')}
                        </Badge>
                      )}
                    </td>
                    <td>{t(`sources.kinds.${s.kind}`, { defaultValue: s.kind })}</td>
                    <td className="number">{format.number(s.statistics?.events ?? 0)}</td>
                    <td className="number">{format.number(s.statistics?.rejects ?? 0)}</td>
                    <td>{s.statistics?.last_event_at ? format.ago(s.statistics.last_event_at) : t('sources.never')}</td>
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
