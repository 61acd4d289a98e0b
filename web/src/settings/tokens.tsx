import { Button, Checkbox, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { call, get, post } from '../api/client';
import { PERMISSIONS, type Page, type Permission } from '../api/types';
import { useFormat } from '../format';
import { useSession } from '../session';
import { Empty, Failed, LoadingRows } from '../ui/states';
import { Confirm } from '../ui/confirm';
import { fieldError, FormError } from '../ui/form-errors';
import { SettingsFrame } from './parts';
import { Once } from '../ui/copy';
import type { Token } from './types';

function TokenForm({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const { caller } = useSession();
  const client = useQueryClient();
  const [scopes, setScopes] = useState<Permission[]>(['read']);
  const make = useMutation({
    mutationFn: (name: string) => post<Token>('/api/v1/tokens', { name, scopes }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ['tokens'] }),
  });
  if (make.data) {
    return (
      <Stack>
        <Once text={make.data.token!} hint={t('account.tokenOnce')} />
        <Group justify="end">
          <Button onClick={close}>{t('state.close')}</Button>
        </Group>
      </Stack>
    );
  }
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    make.mutate(String(new FormData(event.currentTarget).get('name')));
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput name="name" label={t('account.tokenName')} description={t('account.tokenNameHint')} required maxLength={200} data-autofocus error={fieldError(make.error, '/name')} />
        <Checkbox.Group label={t('account.scopes')} value={scopes} onChange={(value) => setScopes(value as Permission[])} error={fieldError(make.error, '/scopes')}>
          <Stack gap="xs" mt="xs">
            {PERMISSIONS.map((p) => (
              <Checkbox key={p} value={p} label={t(`account.scope.${p}`)} description={t(`account.scopeHint.${p}`)} disabled={!caller.permissions.includes(p)} />
            ))}
          </Stack>
        </Checkbox.Group>
        <FormError error={make.error} fields={['/name', '/scopes']} />
        <Group justify="end">
          <Button variant="default" onClick={close}>
            {t('state.cancel')}
          </Button>
          <Button type="submit" loading={make.isPending} disabled={scopes.length === 0}>
            {t('account.tokenMake')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Revoke({ token, close }: { token: Token; close: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const run = useMutation({
    mutationFn: () => call<void>('DELETE', `/api/v1/tokens/${token.id}`),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['tokens'] });
      close();
    },
  });
  return <Confirm title={t('account.tokenAsk', { name: token.name })} hint={t('account.tokenAskHint')} action={t('account.tokenRevoke')} error={run.error} busy={run.isPending} onConfirm={() => run.mutate()} onClose={close} />;
}

function Rows({ tokens, revoke }: { tokens: Token[]; revoke: (token: Token) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <div className="kern-scroll" tabIndex={0} role="region" aria-label={t('account.pages.tokens')}>
      <table className="kern-table">
        <thead>
          <tr>
            <th scope="col">{t('account.tokenName')}</th>
            <th scope="col">{t('account.scopes')}</th>
            <th scope="col">{t('settings.workspace')}</th>
            <th scope="col">{t('account.made')}</th>
            <th scope="col">{t('account.lastUsed')}</th>
            <th scope="col">
              <span className="kern-hidden">{t('account.actions')}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {tokens.map((token) => (
            <tr key={token.id}>
              <td>{token.name}</td>
              <td>
                <Text size="sm">{token.scopes.map((s) => t(`account.scope.${s}`)).join(', ')}</Text>
              </td>
              <td>{token.workspace ?? t('account.everyWorkspace')}</td>
              <td title={format.dateTime(token.created_at)}>{format.date(token.created_at)}</td>
              <td title={token.last_used_at && format.dateTime(token.last_used_at)}>{token.last_used_at ? format.ago(token.last_used_at) : t('sources.never')}</td>
              <td>
                <Button variant="subtle" color="red" size="compact-sm" onClick={() => revoke(token)} aria-label={`${t('account.tokenRevoke')}: ${token.name}`}>
                  {t('account.tokenRevoke')}
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export default function TokensPage() {
  const { t } = useTranslation();
  const [open, { open: show, close }] = useDisclosure();
  const [going, setGoing] = useState<Token | null>(null);
  const tokens = useQuery({ queryKey: ['tokens'], queryFn: ({ signal }) => get<Page<Token>>('/api/v1/tokens', { limit: 1000 }, signal) });
  const add = (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={show}>
      {t('account.tokenMake')}
    </Button>
  );
  return (
    <SettingsFrame title={t('account.pages.tokens')} lead={t('account.tokensLead')} actions={add}>
      <Modal opened={open} onClose={close} title={t('account.tokenMake')} closeButtonProps={{ 'aria-label': t('state.close') }}>
        <TokenForm close={close} />
      </Modal>
      {going && <Revoke token={going} close={() => setGoing(null)} />}
      <section className="kern-card">
        {tokens.isError ? (
          <Failed error={tokens.error} retry={() => tokens.refetch()} />
        ) : tokens.isPending ? (
          <LoadingRows rows={3} />
        ) : tokens.data.data.length === 0 ? (
          <Empty title={t('account.noTokens')} hint={t('account.tokensLead')} />
        ) : (
          <Rows tokens={tokens.data.data} revoke={setGoing} />
        )}
      </section>
    </SettingsFrame>
  );
}
