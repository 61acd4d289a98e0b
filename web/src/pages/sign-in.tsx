import { Alert, Anchor, Button, PasswordInput, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError, post } from '../api/client';
import type { Caller } from '../api/types';
import { Door } from '../ui/door';

interface Credentials {
  email: string;
  password: string;
  code?: string;
}

function useReason(error: unknown) {
  const { t } = useTranslation();
  if (!error) return undefined;
  if (!(error instanceof ApiError)) return t('state.unreachable');
  if (error.status === 429) return t('signIn.tooMany');
  return error.status === 401 ? t('signIn.wrong') : error.message;
}

function Forgotten({ back }: { back: () => void }) {
  const { t } = useTranslation();
  const ask = useMutation({ mutationFn: (email: string) => post<void>('/api/v1/session/forgotten', { email }) });
  const reason = useReason(ask.error);
  return (
    <Door title={t('signIn.forgotten')} lead={t('signIn.forgottenLead')} onSubmit={(form) => ask.mutate(String(form.get('email')))}>
      {reason && (
        <Alert color="red" role="alert">
          {reason}
        </Alert>
      )}
      {ask.isSuccess ? (
        <Alert color="kern" role="status">
          {t('signIn.forgottenSent')}
        </Alert>
      ) : (
        <>
          <TextInput name="email" type="email" label={t('signIn.email')} autoComplete="username" required autoFocus />
          <Button type="submit" loading={ask.isPending}>
            {t('signIn.forgottenAsk')}
          </Button>
        </>
      )}
      <Anchor component="button" type="button" size="sm" onClick={back}>
        {t('signIn.back')}
      </Anchor>
    </Door>
  );
}

export function SignInPage() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [known, setKnown] = useState<Credentials | null>(null); // the password was right: a code is asked for
  const [forgot, setForgot] = useState(false);
  const signIn = useMutation({
    mutationFn: (body: Credentials) => post<Caller>('/api/v1/session', body),
    onSuccess: (caller) => client.setQueryData(['session'], caller),
    onError: (error, body) => {
      if (error instanceof ApiError && error.field('/code')) setKnown({ email: body.email, password: body.password });
    },
  });
  const asksCode = signIn.error instanceof ApiError && !!signIn.error.field('/code');
  const wrongCode = asksCode && !!signIn.variables?.code;
  const reason = useReason(asksCode ? null : signIn.error);
  if (forgot) return <Forgotten back={() => setForgot(false)} />;
  const submit = (form: FormData) => {
    const text = (name: string) => String(form.get(name));
    signIn.mutate(known ? { ...known, code: text('code').trim() } : { email: text('email'), password: text('password') });
  };
  return (
    <Door title={t('signIn.title')} lead={known ? t('signIn.codeLead') : t('signIn.tagline')} onSubmit={submit}>
      {reason && (
        <Alert color="red" role="alert">
          {reason}
        </Alert>
      )}
      {known ? (
        <TextInput key="code" name="code" label={t('signIn.code')} description={t('signIn.codeHint')} autoComplete="one-time-code" required autoFocus error={wrongCode && t('signIn.codeWrong')} />
      ) : (
        <>
          <TextInput name="email" type="email" label={t('signIn.email')} autoComplete="username" required autoFocus />
          <PasswordInput name="password" label={t('signIn.password')} autoComplete="current-password" required />
        </>
      )}
      <Button type="submit" loading={signIn.isPending}>
        {t('signIn.submit')}
      </Button>
      <Anchor component="button" type="button" size="sm" onClick={() => (known ? (setKnown(null), signIn.reset()) : setForgot(true))}>
        {known ? t('signIn.back') : t('signIn.forgotten')}
      </Anchor>
    </Door>
  );
}
