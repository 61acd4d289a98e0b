/** Where the link of an invitation, or to a new password, leads: /invite#TOKEN. What follows the # never reaches a server's log. */
import { Alert, Anchor, Button, PasswordInput, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { ApiError, post } from '../api/client';
import type { Caller } from '../api/types';
import { fieldError } from '../ui/form-errors';
import { Door } from '../ui/door';

export default function InvitePage() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [invite] = useState(() => location.hash.slice(1));
  const accept = useMutation({
    mutationFn: (body: { name: string; password: string }) => post<{ email: string }>('/api/v1/invite', { invite, ...body }),
    onSuccess: async ({ email }, { password }) => {
      navigate('/', { replace: true });
      // With a second factor the sign-in page asks for its code.
      const caller = await post<Caller>('/api/v1/session', { email, password }).catch(() => null);
      client.setQueryData(['session'], caller);
    },
  });
  const gone = !invite || (accept.error instanceof ApiError && accept.error.status === 404);
  const other = accept.error && !gone && !fieldError(accept.error, '/password') ? (accept.error instanceof ApiError ? accept.error.message : t('state.unreachable')) : undefined;
  return (
    <Door title={t('signIn.welcome')} lead={t('signIn.welcomeLead')} onSubmit={(form) => accept.mutate({ name: String(form.get('name')).trim(), password: String(form.get('password')) })}>
      {gone && (
        <Alert color="red" role="alert">
          {t('signIn.linkGone')}
        </Alert>
      )}
      {other && (
        <Alert color="red" role="alert">
          {other}
        </Alert>
      )}
      <TextInput name="name" label={t('account.name')} description={t('signIn.nameHint')} autoComplete="name" maxLength={200} disabled={!invite} />
      <PasswordInput name="password" label={t('account.passwordNew')} description={t('account.passwordRule')} autoComplete="new-password" required minLength={8} maxLength={1024} disabled={!invite} error={fieldError(accept.error, '/password')} />
      <Button type="submit" loading={accept.isPending} disabled={!invite}>
        {t('signIn.start')}
      </Button>
      <Anchor href="/" size="sm">
        {t('signIn.back')}
      </Anchor>
    </Door>
  );
}
