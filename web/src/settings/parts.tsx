/** What the pages of settings share: their frame, and what may be done there. */
import { Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'wouter';
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
