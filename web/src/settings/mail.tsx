import { Alert, Button, Group, NumberInput, PasswordInput, Select, Stack, Text, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError, call, get, post } from '../api/client';
import { useFormat } from '../format';
import { LANGUAGES } from '../i18n';
import { useSession } from '../session';
import { Card } from '../ui/page';
import { Failed, LoadingRows } from '../ui/states';
import { Confirm } from '../ui/confirm';
import { fieldError, FormError } from '../ui/form-errors';
import { SettingsFrame } from './parts';
import type { Mail } from './types';

const FIELDS = ['/host', '/port', '/tls', '/user', '/password', '/from', '/url', '/language'];
const PORTS = { none: 25, starttls: 587, tls: 465 } as const;

function ServerForm({ mail }: { mail: Mail }) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const [tls, setTls] = useState<Mail['tls']>(mail.enabled ? mail.tls : 'starttls');
  const [port, setPort] = useState<number | string>(mail.enabled ? mail.port : PORTS.starttls);
  const [language, setLanguage] = useState(mail.enabled ? mail.language : i18n.language);
  const save = useMutation({
    mutationFn: (body: Record<string, unknown>) => call<Mail>('PUT', '/api/v1/mail', { body }),
    onSuccess: (data) => {
      client.setQueryData(['mail'], data);
      notifications.show({ message: t('settings.saved') });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => String(form.get(name)).trim();
    const password = String(form.get('password'));
    const user = text('user');
    save.mutate({ host: text('host'), port: Number(port), tls, user, from: text('from'), url: text('url'), language, ...(password ? { password } : user ? {} : { password: null }) });
  };
  const changeTls = (value: string | null) => {
    if (!value) return;
    if (Object.values(PORTS).includes(Number(port) as 25)) setPort(PORTS[value as Mail['tls']]);
    setTls(value as Mail['tls']);
  };
  const error = (pointer: string) => fieldError(save.error, pointer);
  return (
    <form onSubmit={submit}>
      <Stack px="md" pb="md" maw={520}>
        <Group align="start" wrap="nowrap">
          <TextInput name="host" label={t('account.mail.host')} defaultValue={mail.host} placeholder="smtp.example.nl" required flex={1} error={error('/host')} />
          <NumberInput name="port" label={t('account.mail.port')} value={port} onChange={setPort} min={1} max={65535} hideControls required w={90} error={error('/port')} />
        </Group>
        <Select label={t('account.mail.tls')} data={(['starttls', 'tls', 'none'] as const).map((value) => ({ value, label: t(`account.mail.tlsKinds.${value}`) }))} value={tls} onChange={changeTls} allowDeselect={false} error={error('/tls')} />
        <TextInput name="user" label={t('account.mail.user')} defaultValue={mail.user} autoComplete="off" error={error('/user')} />
        <PasswordInput name="password" label={t('signIn.password')} description={mail.has_password ? t('account.mail.passwordKept') : undefined} autoComplete="new-password" error={error('/password')} />
        <TextInput name="from" type="email" label={t('account.mail.from')} defaultValue={mail.from} required error={error('/from')} />
        <TextInput name="url" type="url" label={t('account.mail.url')} description={t('account.mail.urlHint')} defaultValue={mail.url || location.origin} required error={error('/url')} />
        <Select label={t('account.mail.language')} data={Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))} value={language} onChange={(value) => value && setLanguage(value)} allowDeselect={false} />
        <FormError error={save.error} fields={FIELDS} />
        <Group>
          <Button type="submit" loading={save.isPending}>
            {t('state.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Test() {
  const { t } = useTranslation();
  const { caller } = useSession();
  const test = useMutation({ mutationFn: (to: string) => post<void>('/api/v1/mail/test', { to }) });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    test.mutate(String(new FormData(event.currentTarget).get('to')));
  };
  return (
    <form onSubmit={submit}>
      <Stack px="md" pb="md" maw={520}>
        <Group align="end">
          <TextInput name="to" type="email" label={t('account.mail.testTo')} defaultValue={caller.name} required flex={1} error={fieldError(test.error, '/to')} />
          <Button type="submit" variant="light" loading={test.isPending}>
            {t('account.mail.test')}
          </Button>
        </Group>
        {test.isSuccess && (
          <Alert color="kern" role="status">
            {t('account.mail.testSent')}
          </Alert>
        )}
        {test.isError && !fieldError(test.error, '/to') && (
          <Alert color="red" role="alert" title={t('account.mail.testFailed')}>
            {test.error instanceof ApiError ? test.error.message : t('state.unreachable')}
          </Alert>
        )}
      </Stack>
    </form>
  );
}

function State({ mail }: { mail: Mail }) {
  const { t } = useTranslation();
  const format = useFormat();
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const remove = useMutation({
    mutationFn: () => call<void>('DELETE', '/api/v1/mail'),
    onSuccess: () => {
      setAsking(false);
      void client.invalidateQueries({ queryKey: ['mail'] });
    },
  });
  return (
    <Card title={t('account.mail.state')}>
      <Stack px="md" pb="md">
        <Text size="sm">{t('account.mail.waiting', { count: mail.waiting, number: format.number(mail.waiting) })}</Text>
        {mail.failed_at && (
          <Alert color="apricot" title={t('account.mail.failed', { when: format.ago(mail.failed_at) })}>
            {mail.error}
          </Alert>
        )}
        <Group>
          <Button variant="subtle" color="red" onClick={() => setAsking(true)}>
            {t('account.mail.remove')}
          </Button>
        </Group>
        {asking && <Confirm title={t('account.mail.remove')} hint={t('account.mail.removeHint')} action={t('account.mail.remove')} error={remove.error} busy={remove.isPending} onConfirm={() => remove.mutate()} onClose={() => setAsking(false)} />}
      </Stack>
    </Card>
  );
}

export default function MailPage() {
  const { t } = useTranslation();
  const mail = useQuery({ queryKey: ['mail'], queryFn: ({ signal }) => get<Mail>('/api/v1/mail', {}, signal), refetchInterval: 10_000 });
  return (
    <SettingsFrame title={t('account.pages.mail')} lead={t('account.mail.lead')}>
      {mail.isError ? (
        <Failed error={mail.error} retry={() => mail.refetch()} />
      ) : mail.isPending ? (
        <LoadingRows rows={5} />
      ) : (
        <>
          <Card title={t('account.mail.server')} hint={mail.data.enabled ? undefined : t('account.mail.none')}>
            <ServerForm key={String(mail.data.enabled)} mail={mail.data} />
          </Card>
          {mail.data.enabled && (
            <Card title={t('account.mail.testTitle')}>
              <Test />
            </Card>
          )}
          {mail.data.enabled && <State mail={mail.data} />}
        </>
      )}
    </SettingsFrame>
  );
}
