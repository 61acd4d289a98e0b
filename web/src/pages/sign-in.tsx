import { Alert, Button, Center, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError, post } from '../api/client';
import type { Caller } from '../api/types';

export function SignInPage() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const signIn = useMutation({
    mutationFn: (body: { email: string; password: string }) => post<Caller>('/api/v1/session', body),
    onSuccess: (caller) => client.setQueryData(['session'], caller),
  });
  useEffect(() => {
    document.title = `${t('signIn.title')} · Kern`;
  }, [t]);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    signIn.mutate({ email: String(form.get('email')), password: String(form.get('password')) });
  };
  const reason = () => {
    const error = signIn.error;
    if (error instanceof ApiError && error.status === 401) return t('signIn.wrong');
    if (error instanceof ApiError && error.status === 429) return t('signIn.tooMany');
    return error instanceof ApiError ? error.message : t('state.unreachable');
  };
  return (
    <Center component="main" mih="100vh" p="md">
      <form onSubmit={submit} className="kern-card" aria-labelledby="sign-in">
        <Stack p="xl" w={{ base: '100%', xs: 380 }} gap="md">
          <Stack gap={4} align="start">
            <img src="/icon.svg" alt="" width={40} height={40} />
            <Title order={1} id="sign-in" mt="xs">
              {t('signIn.title')}
            </Title>
            <Text c="dimmed">{t('signIn.tagline')}</Text>
          </Stack>
          {signIn.isError && (
            <Alert color="red" role="alert">
              {reason()}
            </Alert>
          )}
          <TextInput name="email" type="email" label={t('signIn.email')} autoComplete="username" required autoFocus />
          <PasswordInput name="password" label={t('signIn.password')} autoComplete="current-password" required />
          <Button type="submit" loading={signIn.isPending}>
            {t('signIn.submit')}
          </Button>
        </Stack>
      </form>
    </Center>
  );
}
