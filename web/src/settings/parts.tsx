/** What the pages of settings share: their frame, errors of forms, a secret that is shown once, a question before something goes. */
import { Alert, Button, Group, Modal, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'wouter';
import { ApiError } from '../api/client';
import type { Caller, Permission } from '../api/types';
import { useSession } from '../session';
import { PageHead } from '../ui/page';

export const may = (caller: Caller, permission: Permission) => caller.permissions.includes(permission);

const PAGES = [
  { to: '/settings', label: 'account.pages.workspace', shown: () => true },
  { to: '/settings/identity', label: 'account.pages.identity', shown: () => true },
  { to: '/settings/users', label: 'account.pages.users', shown: (c: Caller) => may(c, 'admin') },
  { to: '/settings/tokens', label: 'account.pages.tokens', shown: (c: Caller) => may(c, 'admin') },
  { to: '/settings/mail', label: 'account.pages.mail', shown: (c: Caller) => may(c, 'admin') && c.workspace === null },
  { to: '/settings/audit', label: 'account.pages.audit', shown: (c: Caller) => may(c, 'admin') },
  { to: '/settings/account', label: 'account.pages.account', shown: () => true },
] as const;

export function SettingsFrame({ title, lead, actions, children }: { title: string; lead?: string; actions?: ReactNode; children: ReactNode }) {
  const { t } = useTranslation();
  const { caller } = useSession();
  const [location] = useLocation();
  return (
    <>
      <PageHead title={title} lead={lead} actions={actions} />
      <nav className="kern-subnav" aria-label={t('settings.title')}>
        {PAGES.filter((p) => p.shown(caller)).map((p) => (
          <Link key={p.to} href={p.to} aria-current={location === p.to ? 'page' : undefined}>
            {t(p.label)}
          </Link>
        ))}
      </nav>
      <Stack gap="md">{children}</Stack>
    </>
  );
}

/** What the server says of a field of the form. */
export const fieldError = (error: unknown, pointer: string) => (error instanceof ApiError ? error.field(pointer) : undefined);

/** What it says that belongs to none of them. */
export function FormError({ error, fields }: { error: unknown; fields: string[] }) {
  const { t } = useTranslation();
  if (!error || fields.some((f) => fieldError(error, f))) return null;
  return (
    <Alert color="red" role="alert">
      {error instanceof ApiError ? error.message : t('state.unreachable')}
    </Alert>
  );
}

export function Confirm({ title, hint, action, error, pending, onConfirm, close }: { title: string; hint: string; action: string; error?: unknown; pending: boolean; onConfirm: () => void; close: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal opened onClose={close} title={title} closeButtonProps={{ 'aria-label': t('state.close') }}>
      <Stack>
        <Text size="sm">{hint}</Text>
        <FormError error={error} fields={[]} />
        <Group justify="end">
          <Button variant="default" onClick={close}>
            {t('state.cancel')}
          </Button>
          <Button color="red" onClick={onConfirm} loading={pending}>
            {action}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
