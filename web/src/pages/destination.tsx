import { Alert, Anchor, Button, Code, Group, Menu, Modal, SimpleGrid, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconChevronLeft, IconDots, IconKey, IconPencil, IconPlugConnected, IconRefresh, IconTrash } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'wouter';
import { ApiError, call, get, post } from '../api/client';
import type { Page } from '../api/types';
import { DestinationForm } from '../destinations/form';
import { DestinationStatus, mayExport, type DeadLetter, type Destination } from '../destinations/shapes';
import { useFormat } from '../format';
import { useSession, useWs } from '../session';
import { Confirm } from '../ui/confirm';
import { ShownOnce } from '../ui/copy';
import { Card, PageHead } from '../ui/page';
import { ProfileName } from '../ui/profile-link';
import { Empty, Failed, Loading, LoadingRows } from '../ui/states';

interface Tested {
  ok: boolean;
  status?: number;
  took_ms: number;
  error?: string;
}

function Figure({ label, value, hint }: { label: string; value: string; hint?: string }) {
  return (
    <div title={hint}>
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      <Text fz={24} fw={640} style={{ fontVariantNumeric: 'tabular-nums' }}>
        {value}
      </Text>
    </div>
  );
}

function State({ d }: { d: Destination }) {
  const { t } = useTranslation();
  const format = useFormat();
  const s = d.statistics;
  return (
    <Card title={t('destinations.sent')}>
      <Stack px="md" pb="md" gap="sm">
        <Group>
          <DestinationStatus status={d.status} />
          <Text size="sm" c="dimmed">
            {s.last_delivered_at ? t('destinations.lastAt', { time: format.ago(s.last_delivered_at) }) : t('destinations.nothingYet')}
          </Text>
        </Group>
        {(d.status === 'gone' || d.status === 'refused' || d.status === 'failing') && (
          <Alert color={d.status === 'failing' ? 'apricot' : 'red'} role="note">
            {t(`destinations.why.${d.status}`, { why: s.last_error ?? t('destinations.answered', { status: s.last_status }) })} {d.status === 'failing' && s.waiting > 0 && t('destinations.triesAgain')}
          </Alert>
        )}
        {s.missed + s.dropped > 0 && (
          <Alert color="red" role="note">
            {t('destinations.missed', { count: s.missed + s.dropped })}
          </Alert>
        )}
        <SimpleGrid cols={{ base: 2, xs: 4 }}>
          <Figure label={t('destinations.delivered')} value={format.number(s.delivered)} />
          <Figure label={t('destinations.waiting')} value={format.number(s.waiting)} />
          <Figure label={t('destinations.failedTries')} value={format.number(s.failed_tries)} />
          <Figure label={t('destinations.withheld')} value={format.number(s.withheld)} hint={t('destinations.withheldHint')} />
        </SimpleGrid>
      </Stack>
    </Card>
  );
}

function What({ d }: { d: Destination }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <Card title={t('destinations.what')}>
      <Stack px="md" pb="md" gap="sm">
        <Code block className="kern-code" style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
          {d.url}
        </Code>
        <Text size="sm">{t('destinations.onlyFor', { purpose: t(`purpose.${d.purpose}`, { defaultValue: d.purpose }) })}</Text>
        <table className="kern-table">
          <tbody>
            {d.audiences.map((a) => (
              <tr key={a.segment}>
                <td>
                  <Link className="kern-link" href={`/segments/${encodeURIComponent(a.segment)}`}>
                    {a.segment}
                  </Link>
                </td>
                <td className="number">{a.ready ? format.number(a.size) : t('segments.building')}</td>
              </tr>
            ))}
          </tbody>
        </table>
        <Text size="sm" c="dimmed">
          {d.fields.length > 0 ? t('destinations.withFields', { fields: d.fields.join(', ') }) : t('destinations.noFields')}
        </Text>
      </Stack>
    </Card>
  );
}

function DeadLetters({ d }: { d: Destination }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const client = useQueryClient();
  const { caller } = useSession();
  const list = useInfiniteQuery({
    queryKey: ['dead-letters', ws(''), d.id, d.statistics.dead_letters],
    queryFn: ({ pageParam, signal }) => get<Page<DeadLetter>>(ws(`/destinations/${d.id}/dead-letters`), { limit: 50, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  const again = useMutation({
    mutationFn: (body: { ids: string[] } | { all: true }) => post<{ resent: number }>(ws(`/destinations/${d.id}/dead-letters/resend`), body),
    onSuccess: ({ resent }) => {
      void client.invalidateQueries({ queryKey: ['destination'] });
      void client.invalidateQueries({ queryKey: ['dead-letters'] });
      notifications.show({ message: t('destinations.resent', { count: resent }) });
    },
    onError: (error) => notifications.show({ color: 'red', message: error.message }),
  });
  const letters = list.data?.pages.flatMap((p) => p.data) ?? [];
  const may = mayExport(caller);
  return (
    <Card
      title={t('destinations.deadTitle')}
      hint={t('destinations.deadHint')}
      actions={
        may &&
        letters.length > 0 && (
          <Button size="xs" variant="light" leftSection={<IconRefresh size={14} aria-hidden />} loading={again.isPending} onClick={() => again.mutate({ all: true })}>
            {t('destinations.resendAll')}
          </Button>
        )
      }
    >
      {list.isError ? (
        <Failed error={list.error} retry={() => list.refetch()} />
      ) : list.isPending ? (
        <LoadingRows rows={3} />
      ) : letters.length === 0 ? (
        <Text px="md" pb="md" c="dimmed">
          {t('destinations.noDead')}
        </Text>
      ) : (
        <div style={{ overflowX: 'auto' }} tabIndex={0} role="region" aria-label={t('destinations.deadTitle')}>
          <table className="kern-table">
            <tbody>
              {letters.map((l) => (
                <tr key={l.id}>
                  <td style={{ whiteSpace: 'nowrap' }}>{format.dateTime(l.at)}</td>
                  <td>{l.profile ? <ProfileName id={l.profile} /> : t('state.unknown')}</td>
                  <td>
                    {t(`segments.${l.change}`)} · {l.segment}
                  </td>
                  <td>{l.error ?? t('destinations.answered', { status: l.status })}</td>
                  <td>
                    {may && (
                      <Button size="compact-sm" variant="subtle" onClick={() => again.mutate({ ids: [l.id] })} aria-label={`${t('destinations.resend')}: ${l.webhook_id}`}>
                        {t('destinations.resend')}
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {list.hasNextPage && (
            <Group p="md">
              <Button variant="light" loading={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
                {t('state.more')}
              </Button>
            </Group>
          )}
        </div>
      )}
    </Card>
  );
}

function Actions({ d }: { d: Destination }) {
  const { t } = useTranslation();
  const ws = useWs();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [editing, edit] = useDisclosure();
  const [removing, ask] = useDisclosure();
  const [secret, setSecret] = useState<string | null>(null);
  const failed = (error: Error) => notifications.show({ color: 'red', message: error.message });
  const test = useMutation({
    mutationFn: () => post<Tested>(ws(`/destinations/${d.id}/test`), {}),
    onSuccess: (r) =>
      notifications.show(
        r.ok ? { message: t('destinations.testOk', { status: r.status, ms: r.took_ms }) } : { color: 'red', message: t('destinations.testFailed', { why: r.error ?? t('destinations.answered', { status: r.status }) }) },
      ),
    onError: failed,
  });
  const rotate = useMutation({
    mutationFn: () => post<Destination>(ws(`/destinations/${d.id}/secret`), {}),
    onSuccess: (r) => setSecret(r.secret ?? ''),
    onError: failed,
  });
  const remove = useMutation({
    mutationFn: () => call('DELETE', ws(`/destinations/${d.id}`)),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['destinations'] });
      navigate('/destinations');
    },
  });
  const close = { 'aria-label': t('state.close') };
  return (
    <Group gap="xs">
      <Button variant="default" leftSection={<IconPlugConnected size={16} aria-hidden />} loading={test.isPending} onClick={() => test.mutate()}>
        {t('destinations.test')}
      </Button>
      <Button leftSection={<IconPencil size={16} aria-hidden />} onClick={edit.open}>
        {t('segments.change')}
      </Button>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" px="xs" aria-label={t('destinations.more')}>
            <IconDots size={16} aria-hidden />
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconKey size={16} />} onClick={() => rotate.mutate()}>
            {t('destinations.rotate')}
          </Menu.Item>
          <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={ask.open}>
            {t('segments.remove')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal opened={editing} onClose={edit.close} title={t('segments.change')} closeButtonProps={close}>
        <DestinationForm present={d} close={edit.close} saved={edit.close} />
      </Modal>
      <Modal opened={secret !== null} onClose={() => setSecret(null)} title={t('destinations.rotate')} closeButtonProps={close} closeOnClickOutside={false}>
        <ShownOnce label={t('destinations.secret')} hint={t('destinations.rotatedHint')} text={secret ?? ''} close={() => setSecret(null)} />
      </Modal>
      {removing && <Confirm title={t('segments.removeTitle', { name: d.name })} hint={t('destinations.removeHint')} action={t('segments.remove')} error={remove.error} busy={remove.isPending} onClose={ask.close} onConfirm={() => remove.mutate()} />}
    </Group>
  );
}

export function DestinationPage({ id }: { id: string }) {
  const { t } = useTranslation();
  const ws = useWs();
  const { caller } = useSession();
  const destination = useQuery({
    queryKey: ['destination', ws(''), id],
    queryFn: ({ signal }) => get<Destination>(ws(`/destinations/${encodeURIComponent(id)}`), {}, signal),
    refetchInterval: 3000,
  });
  const back = (
    <Anchor component={Link} href="/destinations" size="sm">
      <Group gap={2} component="span">
        <IconChevronLeft size={16} aria-hidden /> {t('destinations.back')}
      </Group>
    </Anchor>
  );
  if (destination.isError) {
    const missing = destination.error instanceof ApiError && destination.error.status === 404;
    return (
      <>
        {back}
        {missing ? <Empty title={t('destinations.notFound')} /> : <Failed error={destination.error} retry={() => destination.refetch()} />}
      </>
    );
  }
  if (destination.isPending) return <Loading />;
  const d = destination.data;
  return (
    <>
      {back}
      <PageHead title={d.name} lead={t('destinations.webhook')} actions={mayExport(caller) && <Actions d={d} />} />
      <Stack gap="md">
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
          <State d={d} />
          <What d={d} />
        </SimpleGrid>
        <DeadLetters d={d} />
      </Stack>
    </>
  );
}
