import { Button, Group, Stack, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { call } from '../api/client';
import type { Workspace } from '../api/types';
import { useSession, useWs } from '../session';
import { Card } from '../ui/page';
import { fieldError, FormError } from '../ui/form-errors';
import { may, SettingsFrame } from './parts';

function WorkspaceForm() {
  const { t } = useTranslation();
  const { workspace, caller } = useSession();
  const client = useQueryClient();
  const ws = useWs();
  const mayChange = may(caller, 'admin');
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
  const wrong = (field: string) => fieldError(save.error, field);
  return (
    <form onSubmit={submit}>
      <Stack px="md" pb="md" maw={480}>
        <TextInput name="name" label={t('settings.name')} defaultValue={workspace.name} required error={wrong('/name')} disabled={!mayChange} />
        <TextInput name="time_zone" label={t('settings.timeZone')} description={t('settings.timeZoneHint')} defaultValue={workspace.time_zone} required error={wrong('/time_zone')} disabled={!mayChange} />
        <TextInput name="currency" label={t('settings.currency')} defaultValue={workspace.currency} required maxLength={3} w={120} error={wrong('/currency')} disabled={!mayChange} />
        <FormError error={save.error} fields={['/name', '/time_zone', '/currency']} />
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

export default function WorkspacePage() {
  const { t } = useTranslation();
  const { workspace } = useSession();
  return (
    <SettingsFrame title={t('settings.title')} lead={workspace.name}>
      <Card title={t('settings.workspace')}>
        <WorkspaceForm key={workspace.id} />
      </Card>
    </SettingsFrame>
  );
}
