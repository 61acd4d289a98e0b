import { Badge, Button, Checkbox, Group, Menu, Modal, Select, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconDots, IconUserPlus } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { call, get, post } from '../api/client';
import { ROLES, type Page, type Role } from '../api/types';
import { useFormat } from '../format';
import { useSession } from '../session';
import { Failed, LoadingRows } from '../ui/states';
import { Confirm } from '../ui/confirm';
import { fieldError, FormError } from '../ui/form-errors';
import { may, SettingsFrame } from './parts';
import { Once } from '../ui/copy';
import type { User } from './types';

const EVERYWHERE = '';
const sees = (role: Role) => role !== 'analyst' && role !== 'developer';

function RoleFields({ role, setRole, exports, setExports }: { role: Role; setRole: (role: Role) => void; exports: boolean; setExports: (on: boolean) => void }) {
  const { t } = useTranslation();
  const { caller } = useSession();
  const given = ROLES.filter((r) => r !== 'owner' || caller.role === 'owner');
  return (
    <>
      <Select label={t('settings.role')} description={t(`account.roleHints.${role}`)} data={given.map((value) => ({ value, label: t(`settings.roles.${value}`) }))} value={role} onChange={(value) => value && setRole(value as Role)} allowDeselect={false} />
      <Checkbox label={t('account.export')} description={sees(role) ? t('account.exportHint') : t('account.exportNot')} checked={exports && sees(role)} disabled={!sees(role)} onChange={(event) => setExports(event.currentTarget.checked)} />
    </>
  );
}

/** An invitation that did not go by mail is shown, as a link. */
function Invited({ user, close }: { user: User; close: () => void }) {
  const { t } = useTranslation();
  return (
    <Stack>
      {user.invite ? (
        <Once text={`${location.origin}/invite#${user.invite}`} hint={t('account.inviteLink', { email: user.email })} />
      ) : (
        <Text role="status">{t('account.inviteMailed', { email: user.email })}</Text>
      )}
      <Group justify="end">
        <Button onClick={close}>{t('state.close')}</Button>
      </Group>
    </Stack>
  );
}

function InviteForm({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const { caller, workspaces } = useSession();
  const client = useQueryClient();
  const [role, setRole] = useState<Role>('marketer');
  const [exports, setExports] = useState(false);
  const [workspace, setWorkspace] = useState(EVERYWHERE);
  const invite = useMutation({
    mutationFn: (body: { email: string; name: string }) => post<User>('/api/v1/users', { ...body, role, export: exports && sees(role), workspace: workspace || null }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ['users'] }),
  });
  if (invite.data) return <Invited user={invite.data} close={close} />;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    invite.mutate({ email: String(form.get('email')), name: String(form.get('name')) });
  };
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput name="email" type="email" label={t('signIn.email')} required maxLength={254} data-autofocus error={fieldError(invite.error, '/email')} />
        <TextInput name="name" label={t('account.name')} description={t('account.nameHint')} maxLength={200} error={fieldError(invite.error, '/name')} />
        <RoleFields role={role} setRole={setRole} exports={exports} setExports={setExports} />
        {caller.workspace === null && workspaces.length > 1 && (
          <Select label={t('settings.workspace')} data={[{ value: EVERYWHERE, label: t('account.everyWorkspace') }, ...workspaces.map((w) => ({ value: w.id, label: w.name }))]} value={workspace} onChange={(value) => setWorkspace(value ?? EVERYWHERE)} allowDeselect={false} />
        )}
        <FormError error={invite.error} fields={['/email', '/name']} />
        <Group justify="end">
          <Button variant="default" onClick={close}>
            {t('state.cancel')}
          </Button>
          <Button type="submit" loading={invite.isPending}>
            {t('account.invite')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function EditForm({ user, close }: { user: User; close: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [role, setRole] = useState(user.role);
  const [exports, setExports] = useState(user.export);
  const save = useMutation({
    mutationFn: () => call<User>('PATCH', `/api/v1/users/${user.id}`, { body: { role, export: exports && sees(role) } }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['users'] });
      notifications.show({ message: t('settings.saved') });
      close();
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Stack>
        <RoleFields role={role} setRole={setRole} exports={exports} setExports={setExports} />
        <FormError error={save.error} fields={[]} />
        <Group justify="end">
          <Button variant="default" onClick={close}>
            {t('state.cancel')}
          </Button>
          <Button type="submit" loading={save.isPending}>
            {t('state.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

type Doing = { what: 'edit' | 'link' | 'remove' | 'factor' | 'disable'; user: User };

const METHODS = { link: ['POST', '/invite'], remove: ['DELETE', ''], factor: ['DELETE', '/second-factor'], disable: ['PATCH', ''] } as const;

/** What happens to one user, in a dialog. */
function Dialog({ doing: { what, user }, close }: { doing: Doing; close: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const run = useMutation({
    mutationFn: () => {
      const [method, path] = METHODS[what as keyof typeof METHODS];
      return call<User>(method, `/api/v1/users/${user.id}${path}`, what === 'disable' ? { body: { disabled: user.status !== 'disabled' } } : {});
    },
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['users'] });
      if (what !== 'link') close();
    },
  });
  const name = user.name || user.email;
  if (what === 'edit' || run.data?.invite || run.data?.mailed) {
    return (
      <Modal opened onClose={close} title={name} closeButtonProps={{ 'aria-label': t('state.close') }}>
        {what === 'edit' ? <EditForm user={user} close={close} /> : <Invited user={run.data as User} close={close} />}
      </Modal>
    );
  }
  const kind = what === 'disable' && user.status === 'disabled' ? 'enable' : what;
  return <Confirm title={t(`account.ask.${kind}`, { name })} hint={t(`account.askHint.${kind}`)} action={t(`account.do.${kind}`)} error={run.error} busy={run.isPending} onConfirm={() => run.mutate()} onClose={close} />;
}

function Actions({ user, start }: { user: User; start: (doing: Doing) => void }) {
  const { t } = useTranslation();
  const { caller } = useSession();
  const item = (what: Doing['what'], label: string, color?: string) => (
    <Menu.Item color={color} onClick={() => start({ what, user })}>
      {label}
    </Menu.Item>
  );
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <Button variant="subtle" size="compact-sm" aria-label={t('account.actionsFor', { name: user.name || user.email })}>
          <IconDots size={16} aria-hidden />
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {item('edit', t('account.do.edit'))}
        {item('link', t(user.status === 'invited' ? 'account.do.invite' : 'account.do.link'))}
        {user.second_factor && caller.role === 'owner' && item('factor', t('account.do.factor'))}
        {item('disable', t(user.status === 'disabled' ? 'account.do.enable' : 'account.do.disable'))}
        {item('remove', t('account.do.remove'), 'red')}
      </Menu.Dropdown>
    </Menu>
  );
}

function Row({ user, start }: { user: User; start: (doing: Doing) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { workspaces } = useSession();
  return (
    <tr>
      <td>
        <Text size="sm" fw={540}>
          {user.name || user.email}
        </Text>
        {user.name && (
          <Text size="xs" c="dimmed">
            {user.email}
          </Text>
        )}
      </td>
      <td>
        {t(`settings.roles.${user.role}`)}
        {user.export && (
          <Text size="xs" c="dimmed">
            {t('account.mayExport')}
          </Text>
        )}
      </td>
      <td>{user.workspace ? (workspaces.find((w) => w.id === user.workspace)?.name ?? user.workspace) : t('account.everyWorkspace')}</td>
      <td>
        <Badge color={user.status === 'active' ? undefined : user.status === 'invited' ? 'apricot' : 'gray'}>{t(`account.status.${user.status}`)}</Badge>
      </td>
      <td>{user.second_factor ? t('account.on') : t('account.off')}</td>
      <td title={user.signed_in_at && format.dateTime(user.signed_in_at)}>{user.signed_in_at ? format.ago(user.signed_in_at) : t('sources.never')}</td>
      <td>
        <Actions user={user} start={start} />
      </td>
    </tr>
  );
}

export default function UsersPage() {
  const { t } = useTranslation();
  const { caller } = useSession();
  const [open, { open: show, close }] = useDisclosure();
  const [doing, setDoing] = useState<Doing | null>(null);
  const users = useQuery({ queryKey: ['users'], queryFn: ({ signal }) => get<Page<User>>('/api/v1/users', { limit: 1000 }, signal), enabled: may(caller, 'admin') });
  const add = (
    <Button leftSection={<IconUserPlus size={16} aria-hidden />} onClick={show}>
      {t('account.invite')}
    </Button>
  );
  return (
    <SettingsFrame title={t('account.pages.users')} lead={t('account.usersLead')} actions={add}>
      <Modal opened={open} onClose={close} title={t('account.inviteTitle')} closeButtonProps={{ 'aria-label': t('state.close') }}>
        <InviteForm close={close} />
      </Modal>
      {doing && <Dialog doing={doing} close={() => setDoing(null)} />}
      <section className="kern-card">
        {users.isError ? (
          <Failed error={users.error} retry={() => users.refetch()} />
        ) : users.isPending ? (
          <LoadingRows rows={4} />
        ) : (
          <div className="kern-scroll" tabIndex={0} role="region" aria-label={t('account.pages.users')}>
            <table className="kern-table">
              <thead>
                <tr>
                  <th scope="col">{t('account.name')}</th>
                  <th scope="col">{t('settings.role')}</th>
                  <th scope="col">{t('settings.workspace')}</th>
                  <th scope="col">{t('segments.status')}</th>
                  <th scope="col">{t('account.factor')}</th>
                  <th scope="col">{t('account.lastSignIn')}</th>
                  <th scope="col">
                    <span className="kern-hidden">{t('account.actions')}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {users.data.data.map((user) => (
                  <Row key={user.id} user={user} start={setDoing} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
    </SettingsFrame>
  );
}
