import { Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError, call, get } from '../api/client';
import type { Workspace } from '../api/types';
import { useSession, useWs } from '../session';
import { Card, PageHead } from '../ui/page';
import { Failed, LoadingRows } from '../ui/states';

interface IdentityType {
  type: string;
  limit?: number;
  priority?: number;
  blocked?: ({ exact: string } | { regex: string })[];
}

function WorkspaceForm() {
  const { t } = useTranslation();
  const { workspace, caller } = useSession();
  const client = useQueryClient();
  const ws = useWs();
  const mayChange = caller.role === 'admin' || caller.role === 'owner';
  const save = useMutation({
    mutationFn: (body: Record<string, string>) => call<Workspace>('PATCH', ws(''), { body }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['workspaces'] });
      notifications.show({ message: t('settings.saved') });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    save.mutate(Object.fromEntries([...form.entries()].map(([key, value]) => [key, String(value).trim()])));
  };
  const wrong = (field: string) => (save.error instanceof ApiError ? save.error.field(field) : undefined);
  const other = save.error && !['/name', '/time_zone', '/currency'].some(wrong) ? save.error.message : undefined;
  return (
    <form onSubmit={submit}>
      <Stack px="md" pb="md" maw={480}>
        <TextInput name="name" label={t('settings.name')} defaultValue={workspace.name} required error={wrong('/name')} disabled={!mayChange} />
        <TextInput name="time_zone" label={t('settings.timeZone')} description={t('settings.timeZoneHint')} defaultValue={workspace.time_zone} required error={wrong('/time_zone')} disabled={!mayChange} />
        <TextInput name="currency" label={t('settings.currency')} defaultValue={workspace.currency} required maxLength={3} w={120} error={wrong('/currency')} disabled={!mayChange} />
        {other && (
          <Text c="red" role="alert">
            {other}
          </Text>
        )}
        {mayChange && (
          <Group>
            <Button type="submit" loading={save.isPending}>
              {t('state.save')}
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  );
}

function Identity() {
  const { t } = useTranslation();
  const ws = useWs();
  const identity = useQuery({ queryKey: ['identity', ws('')], queryFn: ({ signal }) => get<{ types: IdentityType[] }>(ws('/identity'), {}, signal) });
  if (identity.isError) return <Failed error={identity.error} retry={() => identity.refetch()} />;
  if (identity.isPending) return <LoadingRows rows={4} />;
  return (
    <table className="kern-table">
      <thead>
        <tr>
          <th scope="col">{t('settings.type')}</th>
          <th scope="col" className="number">
            {t('settings.priority')}
          </th>
          <th scope="col" className="number">
            {t('settings.limit')}
          </th>
          <th scope="col">{t('settings.blocked')}</th>
        </tr>
      </thead>
      <tbody>
        {identity.data.types.map((type) => (
          <tr key={type.type}>
            <td>{t(`identifier.${type.type}`, { defaultValue: type.type })}</td>
            <td className="number">{type.priority}</td>
            <td className="number">{type.limit}</td>
            <td>{(type.blocked ?? []).map((b) => ('exact' in b ? b.exact : `/${b.regex}/`)).join(', ') || t('state.none')}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function SettingsPage() {
  const { t } = useTranslation();
  const { workspace } = useSession();
  return (
    <>
      <PageHead title={t('settings.title')} />
      <Stack gap="md">
        <Card title={t('settings.workspace')}>
          <WorkspaceForm key={workspace.id} />
        </Card>
        <Card title={t('settings.identity')} hint={t('settings.identityHint')}>
          <Identity />
        </Card>
      </Stack>
    </>
  );
}
