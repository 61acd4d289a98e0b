/** One's own account: password, second factor, sessions. */
import { Badge, Button, Code, Group, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useRef, useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { call, get } from '../api/client';
import type { Page } from '../api/types';
import { useFormat } from '../format';
import { useSession } from '../session';
import { Copy } from '../ui/copy';
import { Card } from '../ui/page';
import { Failed, Loading, LoadingRows } from '../ui/states';
import { fieldError, FormError } from '../ui/form-errors';
import { SettingsFrame } from './parts';
import type { OwnSession } from './types';

const QrCode = lazy(() => import('./qr'));
const FACTOR = '/api/v1/session/second-factor';

function Password() {
  const { t } = useTranslation();
  const form = useRef<HTMLFormElement>(null);
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: (body: { current: string; password: string }) => call<void>('PUT', '/api/v1/session/password', { body }),
    onSuccess: () => {
      form.current?.reset();
      void client.invalidateQueries({ queryKey: ['sessions'] });
      notifications.show({ message: t('account.passwordChanged') });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    change.mutate({ current: String(data.get('current')), password: String(data.get('password')) });
  };
  return (
    <Card title={t('signIn.password')} hint={t('account.passwordHint')}>
      <form onSubmit={submit} ref={form}>
        <Stack px="md" pb="md" maw={420}>
          <PasswordInput name="current" label={t('account.passwordNow')} autoComplete="current-password" required error={fieldError(change.error, '/current') && t('account.passwordWrong')} />
          <PasswordInput name="password" label={t('account.passwordNew')} description={t('account.passwordRule')} autoComplete="new-password" required minLength={8} maxLength={1024} error={fieldError(change.error, '/password')} />
          <FormError error={change.error} fields={['/current', '/password']} />
          <Group>
            <Button type="submit" loading={change.isPending}>
              {t('account.passwordChange')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Card>
  );
}

/** Asks for the password before something about signing in changes. */
function PasswordStep({ action, run, error, pending, color }: { action: string; run: (password: string) => void; error: unknown; pending: boolean; color?: string }) {
  const { t } = useTranslation();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    run(String(new FormData(event.currentTarget).get('password')));
  };
  return (
    <form onSubmit={submit}>
      <Stack maw={420}>
        <PasswordInput name="password" label={t('account.passwordNow')} autoComplete="current-password" required error={fieldError(error, '/password') && t('account.passwordWrong')} />
        <FormError error={error} fields={['/password']} />
        <Group>
          <Button type="submit" color={color} variant={color ? 'outline' : 'filled'} loading={pending}>
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Enrol({ secret, uri, done }: { secret: string; uri: string; done: (codes: string[]) => void }) {
  const { t } = useTranslation();
  const confirm = useMutation({
    mutationFn: (code: string) => call<{ recovery_codes: string[] }>('PUT', FACTOR, { body: { code } }),
    onSuccess: (answer) => done(answer.recovery_codes),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    confirm.mutate(String(new FormData(event.currentTarget).get('code')).replace(/\s/g, ''));
  };
  return (
    <Group align="start" gap="xl">
      <Suspense fallback={<Loading />}>
        <QrCode text={uri} label={t('account.qr')} />
      </Suspense>
      <form onSubmit={submit}>
        <Stack maw={420}>
          <Text size="sm">{t('account.scan')}</Text>
          <Group gap="xs" wrap="nowrap">
            <Code className="kern-code kern-break" data-secret>
              {secret}
            </Code>
            <Copy text={secret} />
          </Group>
          <TextInput name="code" label={t('signIn.code')} inputMode="numeric" autoComplete="one-time-code" required maxLength={10} w={200} error={fieldError(confirm.error, '/code') && t('account.codeWrong')} />
          <FormError error={confirm.error} fields={['/code']} />
          <Group>
            <Button type="submit" loading={confirm.isPending}>
              {t('account.factorConfirm')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Group>
  );
}

function RecoveryCodes({ codes, done }: { codes: string[]; done: () => void }) {
  const { t } = useTranslation();
  return (
    <Stack maw={420} role="status">
      <Text size="sm">{t('account.codesHint')}</Text>
      <Code block className="kern-code" data-secret>
        {codes.join('\n')}
      </Code>
      <Group>
        <Copy text={codes.join('\n')} />
        <Button onClick={done}>{t('account.codesKept')}</Button>
      </Group>
    </Stack>
  );
}

function SecondFactor() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [codes, setCodes] = useState<string[] | null>(null);
  const factor = useQuery({ queryKey: ['second-factor'], queryFn: ({ signal }) => get<{ enabled: boolean; recovery_codes_left: number }>(FACTOR, {}, signal) });
  const refresh = () => void client.invalidateQueries({ queryKey: ['second-factor'] });
  const begin = useMutation({ mutationFn: (password: string) => call<{ secret: string; uri: string }>('POST', FACTOR, { body: { password } }) });
  const remove = useMutation({ mutationFn: (password: string) => call<void>('DELETE', FACTOR, { body: { password } }), onSuccess: refresh });
  const enabled = factor.data?.enabled;
  return (
    <Card title={t('account.factor')} hint={t('account.factorHint')} actions={factor.data && <Badge color={enabled ? undefined : 'gray'}>{enabled ? t('account.on') : t('account.off')}</Badge>}>
      <Stack px="md" pb="md">
        {factor.isError ? (
          <Failed error={factor.error} retry={() => factor.refetch()} />
        ) : factor.isPending ? (
          <LoadingRows rows={2} />
        ) : codes ? (
          <RecoveryCodes
            codes={codes}
            done={() => {
              setCodes(null);
              begin.reset();
              refresh();
            }}
          />
        ) : enabled ? (
          <>
            <Text size="sm">{t('account.codesLeft', { count: factor.data.recovery_codes_left })}</Text>
            <PasswordStep action={t('account.factorRemove')} run={(password) => remove.mutate(password)} error={remove.error} pending={remove.isPending} color="red" />
          </>
        ) : begin.data ? (
          <Enrol secret={begin.data.secret} uri={begin.data.uri} done={setCodes} />
        ) : (
          <PasswordStep action={t('account.factorBegin')} run={(password) => begin.mutate(password)} error={begin.error} pending={begin.isPending} />
        )}
      </Stack>
    </Card>
  );
}

function Sessions() {
  const { t } = useTranslation();
  const format = useFormat();
  const client = useQueryClient();
  const sessions = useQuery({ queryKey: ['sessions'], queryFn: ({ signal }) => get<Page<OwnSession>>('/api/v1/sessions', {}, signal) });
  const end = useMutation({
    mutationFn: (id: string) => call<void>('DELETE', `/api/v1/sessions${id && `/${id}`}`),
    onSettled: () => void client.invalidateQueries({ queryKey: ['sessions'] }),
    onSuccess: () => notifications.show({ message: t('account.sessionEnded') }),
  });
  const list = [...(sessions.data?.data ?? [])].sort((a, b) => Number(b.present) - Number(a.present) || b.created_at.localeCompare(a.created_at));
  const others = list.length > 1 && (
    <Button variant="default" size="xs" onClick={() => end.mutate('')} loading={end.isPending}>
      {t('account.sessionsEnd')}
    </Button>
  );
  return (
    <Card title={t('account.sessions')} hint={t('account.sessionsHint')} actions={others}>
      {sessions.isError ? (
        <Failed error={sessions.error} retry={() => sessions.refetch()} />
      ) : sessions.isPending ? (
        <LoadingRows rows={2} />
      ) : (
        <div className="kern-scroll" tabIndex={0} role="region" aria-label={t('account.sessions')}>
          <table className="kern-table">
            <thead>
              <tr>
                <th scope="col">{t('account.browser')}</th>
                <th scope="col">{t('account.audit.address')}</th>
                <th scope="col">{t('account.since')}</th>
                <th scope="col">
                  <span className="kern-hidden">{t('account.actions')}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {list.map((s) => (
                <tr key={s.id}>
                  <td>
                    {[s.browser, s.platform].filter(Boolean).join(' · ') || t('state.unknown')} {s.present && <Badge>{t('account.thisOne')}</Badge>}
                  </td>
                  <td>{s.address}</td>
                  <td title={format.dateTime(s.created_at)}>{format.ago(s.created_at)}</td>
                  <td>
                    {!s.present && (
                      <Button variant="subtle" color="red" size="compact-sm" onClick={() => end.mutate(s.id)}>
                        {t('account.sessionEnd')}
                      </Button>
                    )}
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

export default function AccountPage() {
  const { t } = useTranslation();
  const { caller } = useSession();
  return (
    <SettingsFrame title={t('account.pages.account')} lead={`${caller.name}, ${t(`settings.roles.${caller.role}`).toLowerCase()}`}>
      <Password />
      <SecondFactor />
      <Sessions />
    </SettingsFrame>
  );
}
