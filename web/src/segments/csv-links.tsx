/** Addresses that give a segment's members as CSV, for spreadsheets and ad platforms. */
import { Badge, Button, Group, Modal, Select, Stack, TagsInput, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconLink } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { call, get, post } from '../api/client';
import type { Page, Segment } from '../api/types';
import { PURPOSES, mayExport } from '../destinations/shapes';
import { fieldError, FormError } from '../ui/form-errors';
import { useFormat } from '../format';
import { useSession, useWs } from '../session';
import { ShownOnce } from '../ui/copy';
import { Card } from '../ui/page';
import { Failed, LoadingRows } from '../ui/states';

interface CsvLink {
  id: string;
  name: string;
  purpose: string;
  fields: string;
  created_at: string;
  expires_at: string;
  used_at?: string;
  expired: boolean;
  url?: string;
}

const COLUMNS = ['id', 'since', 'identifier.email', 'identifier.user_id', 'identifier.phone', 'trait.firstName', 'trait.lastName', 'consent.state', 'consent.basis', 'consent.at'];
const DAYS = [7, 30, 90, 365];

function Add({ path, close }: { path: string; close: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [name, setName] = useState('');
  const [purpose, setPurpose] = useState<string | null>(null);
  const [fields, setFields] = useState(['identifier.email']);
  const [days, setDays] = useState('90');
  const { workspace } = useSession();
  const make = useMutation({
    mutationFn: () =>
      post<CsvLink>(path, { name: name.trim() || undefined, purpose: purpose ?? '', fields, expires_at: new Date(Date.parse(workspace.now) + Number(days) * 86400e3).toISOString() }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ['csv-links'] }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate();
  };
  if (make.data?.url) return <ShownOnce label={t('csvLinks.url')} hint={t('csvLinks.once')} text={make.data.url} close={close} />;
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput label={t('destinations.name')} placeholder={t('csvLinks.namePlaceholder')} value={name} onChange={(e) => setName(e.currentTarget.value)} maxLength={200} data-autofocus error={fieldError(make.error, '/name')} />
        <Select label={t('destinations.purpose')} description={t('csvLinks.purposeHint')} data={PURPOSES.map((value) => ({ value, label: t(`purpose.${value}`) }))} value={purpose} onChange={setPurpose} withAsterisk error={fieldError(make.error, '/purpose')} />
        <TagsInput label={t('csvLinks.columns')} data={COLUMNS} value={fields} onChange={setFields} maxTags={100} error={fieldError(make.error, '/fields')} />
        <Select label={t('csvLinks.expires')} data={DAYS.map((n) => ({ value: String(n), label: t('csvLinks.days', { count: n }) }))} value={days} onChange={(value) => setDays(value ?? '90')} allowDeselect={false} />
        <FormError error={make.error} fields={['/purpose', '/fields', '/name']} />
        <Group justify="end">
          <Button variant="default" onClick={close}>
            {t('state.cancel')}
          </Button>
          <Button type="submit" loading={make.isPending}>
            {t('csvLinks.add')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

export function CsvLinks({ segment }: { segment: Segment }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const client = useQueryClient();
  const { caller } = useSession();
  const [open, { open: show, close }] = useDisclosure();
  const path = ws(`/segments/${encodeURIComponent(segment.key)}/csv-links`);
  const may = mayExport(caller);
  const list = useQuery({ queryKey: ['csv-links', path], queryFn: ({ signal }) => get<Page<CsvLink>>(path, {}, signal), enabled: may });
  const revoke = useMutation({
    mutationFn: (id: string) => call('DELETE', `${path}/${id}`),
    onSuccess: () => void client.invalidateQueries({ queryKey: ['csv-links'] }),
    onError: (error) => notifications.show({ color: 'red', message: error.message }),
  });
  if (!may) return null;
  return (
    <Card
      title={t('csvLinks.title')}
      hint={t('csvLinks.hint')}
      actions={
        <Button size="xs" variant="light" leftSection={<IconLink size={14} aria-hidden />} onClick={show}>
          {t('csvLinks.add')}
        </Button>
      }
    >
      <Modal opened={open} onClose={close} title={t('csvLinks.add')} closeButtonProps={{ 'aria-label': t('state.close') }} closeOnClickOutside={false}>
        <Add path={path} close={close} />
      </Modal>
      {list.isError ? (
        <Failed error={list.error} retry={() => list.refetch()} />
      ) : list.isPending ? (
        <LoadingRows rows={2} />
      ) : list.data.data.length === 0 ? (
        <Text px="md" pb="md" c="dimmed">
          {t('csvLinks.none')}
        </Text>
      ) : (
        <div style={{ overflowX: 'auto' }} tabIndex={0} role="region" aria-label={t('csvLinks.title')}>
          <table className="kern-table">
            <tbody>
              {list.data.data.map((l) => (
                <tr key={l.id}>
                  <td title={l.fields}>
                    {l.name} {l.expired && <Badge color="gray">{t('csvLinks.expired')}</Badge>}
                  </td>
                  <td>{t(`purpose.${l.purpose}`, { defaultValue: l.purpose })}</td>
                  <td>{l.used_at ? t('csvLinks.used', { time: format.ago(l.used_at) }) : t('csvLinks.unused')}</td>
                  <td>{t('csvLinks.until', { date: format.date(l.expires_at) })}</td>
                  <td>
                    <Button size="compact-sm" variant="subtle" color="red" loading={revoke.isPending && revoke.variables === l.id} onClick={() => revoke.mutate(l.id)} aria-label={`${t('csvLinks.revoke')}: ${l.name}`}>
                      {t('csvLinks.revoke')}
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
