/** The frame around every page: navigation, workspace, language, appearance, account. */
import { ActionIcon, Alert, AppShell, Box, Burger, Group, Menu, NavLink, Select, Stack, Text, useMantineColorScheme } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconAddressBook, IconChartHistogram, IconLayoutDashboard, IconLayoutGrid, IconUsersGroup, IconDatabaseImport, IconLanguage, IconLogout, IconMoon, IconSend, IconSettings, IconSun, IconSunMoon, IconUser, IconUserCog } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'wouter';
import { call } from '../api/client';
import type { Permission } from '../api/types';
import { useFormat } from '../format';
import { LANGUAGES, setLanguage, type Language } from '../i18n';
import { useSession } from '../session';
import { Bell } from './bell';

const PAGES = [
  { to: '/', label: 'nav.home', icon: IconLayoutDashboard },
  { to: '/profiles', label: 'nav.profiles', icon: IconAddressBook, needs: 'personal' },
  { to: '/segments', label: 'nav.segments', icon: IconUsersGroup },
  { to: '/dashboards', label: 'nav.dashboards', icon: IconLayoutGrid },
  { to: '/reports', label: 'nav.reports', icon: IconChartHistogram },
  { to: '/sources', label: 'nav.sources', icon: IconDatabaseImport },
  { to: '/destinations', label: 'nav.destinations', icon: IconSend, needs: 'segments' },
  { to: '/settings', label: 'nav.settings', icon: IconSettings },
] satisfies { to: string; label: string; icon: typeof IconUser; needs?: Permission }[];

const isAt = (location: string, to: string) => (to === '/' ? location === '/' : location.startsWith(to));

const SCHEMES = [
  { value: 'light', label: 'app.light', icon: IconSun },
  { value: 'dark', label: 'app.dark', icon: IconMoon },
  { value: 'auto', label: 'app.auto', icon: IconSunMoon },
] as const;

function Brand() {
  return (
    <Group gap={10}>
      <img src="/icon.svg" alt="" width={28} height={28} />
      <Text fw={680} fz="lg" lts="-0.02em">
        Kern
      </Text>
    </Group>
  );
}

function AccountMenu() {
  const { t, i18n } = useTranslation();
  const { caller } = useSession();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const client = useQueryClient();
  const signOut = useMutation({
    mutationFn: () => call('DELETE', '/api/v1/session'),
    onSettled: () => {
      client.clear();
      location.assign('/');
    },
  });
  return (
    <Menu position="top-start" width={240} withinPortal>
      <Menu.Target>
        <NavLink component="button" label={caller.name} description={t(`settings.roles.${caller.role}`)} leftSection={<IconUser size={18} stroke={1.6} />} />
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t('app.language')}</Menu.Label>
        {Object.entries(LANGUAGES).map(([key, name]) => (
          <Menu.Item key={key} leftSection={<IconLanguage size={16} />} onClick={() => void setLanguage(key as Language)} fw={i18n.language === key ? 650 : undefined} lang={key}>
            {name}
          </Menu.Item>
        ))}
        <Menu.Label>{t('app.theme')}</Menu.Label>
        {SCHEMES.map(({ value, label, icon: Icon }) => (
          <Menu.Item key={value} leftSection={<Icon size={16} />} onClick={() => setColorScheme(value)} fw={colorScheme === value ? 650 : undefined}>
            {t(label)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item component={Link} href="/settings/account" leftSection={<IconUserCog size={16} />}>
          {t('account.pages.account')}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => signOut.mutate()}>
          {t('app.signOut')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

export function Shell({ onWorkspace, children }: { onWorkspace: (id: string) => void; children: ReactNode }) {
  const { t } = useTranslation();
  const { caller, workspace, workspaces } = useSession();
  const format = useFormat();
  const [location] = useLocation();
  const [open, { toggle, close }] = useDisclosure();
  return (
    <AppShell navbar={{ width: 232, breakpoint: 'sm', collapsed: { mobile: !open } }} header={{ height: { base: 52, sm: 0 } }} padding={{ base: 'md', sm: 'xl' }} layout="alt">
      <a href="#content" className="kern-skip">
        {t('app.skip')}
      </a>
      <AppShell.Header hiddenFrom="sm" px="md" bg="var(--kern-surface)">
        <Group h="100%" justify="space-between">
          <Brand />
          <Group gap={4}>
            <Bell />
            <Burger opened={open} onClick={toggle} size="sm" aria-label={t('app.menu')} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar className="kern-rail" p="md">
        <Stack h="100%" gap="md">
          <Group justify="space-between">
            <Brand />
            <Box visibleFrom="sm">
              <Bell />
            </Box>
            <ActionIcon hiddenFrom="sm" variant="subtle" onClick={close} aria-label={t('state.close')}>
              ✕
            </ActionIcon>
          </Group>
          {workspaces.length > 1 ? (
            <Select aria-label={t('settings.workspace')} data={workspaces.map((w) => ({ value: w.id, label: w.name }))} value={workspace.id} onChange={(id) => id && onWorkspace(id)} allowDeselect={false} />
          ) : (
            <Text size="sm" c="dimmed" truncate>
              {workspace.name}
            </Text>
          )}
          <nav aria-label={t('app.menu')}>
            <Stack gap={2}>
              {PAGES.filter(({ needs }) => !needs || caller.permissions.includes(needs)).map(({ to, label, icon: Icon }) => (
                <NavLink key={to} component={Link} href={to} label={t(label)} onClick={close} active={isAt(location, to)} aria-current={isAt(location, to) ? 'page' : undefined} leftSection={<Icon size={18} stroke={1.6} />} />
              ))}
            </Stack>
          </nav>
          <Stack mt="auto" gap={0}>
            <AccountMenu />
          </Stack>
        </Stack>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        {caller.manual_clock && (
          <Alert color="apricot" mb="md" role="note">
            {t('app.manualClock', { now: format.dateTime(workspace.now) })}
          </Alert>
        )}
        {children}
      </AppShell.Main>
    </AppShell>
  );
}
