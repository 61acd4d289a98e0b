/** What can be done with a segment as a list: a frozen copy, people on it and off it. */
import { ActionIcon, Alert, Button, Group, Modal, SegmentedControl, Stack, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconSnowflake, IconUserMinus, IconUserPlus } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { call, post } from '../api/client';
import type { Segment } from '../api/types';
import { useFormat } from '../format';
import { keyOf } from '../segments/key';
import { useWs } from '../session';
import { PeopleInput } from './people-input';
import type { People } from './rows';
import { send } from './send';

const membersOf = (segment: Segment) => `/segments/${encodeURIComponent(segment.key)}/members`;

function useRefresh() {
  const client = useQueryClient();
  return () => {
    for (const key of ['segment', 'segments', 'members', 'changes', 'segment-history']) void client.invalidateQueries({ queryKey: [key] });
  };
}

export function Freeze({ segment }: { segment: Segment }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const refresh = useRefresh();
  const [, navigate] = useLocation();
  const [open, { open: ask, close }] = useDisclosure();
  const [name, setName] = useState('');
  const freeze = useMutation({
    mutationFn: () => post<Segment>(ws('/segments'), { key: keyOf(name), name: name.trim(), snapshot_of: segment.key }),
    onSuccess: (made) => {
      refresh();
      close();
      notifications.show({ message: t('lists.saved', { name: made.name }) });
      navigate(`/segments/${encodeURIComponent(made.key)}`);
    },
  });
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconSnowflake size={16} aria-hidden />}
        disabled={segment.status === 'building'}
        onClick={() => {
          freeze.reset();
          setName(`${segment.name} ${format.date(new Date().toISOString())}`);
          ask();
        }}
      >
        {t('lists.freeze')}
      </Button>
      <Modal opened={open} onClose={close} title={t('lists.freezeTitle')} closeButtonProps={{ 'aria-label': t('state.close') }}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            freeze.mutate();
          }}
        >
          <Stack>
            <Text size="sm">{t('lists.freezeHint', { size: format.number(segment.size), name: segment.name })}</Text>
            <TextInput data-autofocus label={t('segments.name')} value={name} onChange={(e) => setName(e.currentTarget.value)} required maxLength={200} description={keyOf(name) || undefined} />
            {freeze.isError && (
              <Alert color="red" role="alert">
                {freeze.error.message}
              </Alert>
            )}
            <Group justify="end">
              <Button variant="default" onClick={close}>
                {t('state.cancel')}
              </Button>
              <Button type="submit" loading={freeze.isPending} disabled={!keyOf(name)}>
                {t('lists.freeze')}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}

export function ChangeMembers({ segment }: { segment: Segment }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const refresh = useRefresh();
  const [open, { open: ask, close }] = useDisclosure();
  const [way, setWay] = useState<'POST' | 'DELETE'>('POST');
  const [people, setPeople] = useState<People | null>(null);
  const change = useMutation({
    mutationFn: () => send(way, ws(membersOf(segment)), people!),
    onSuccess: (match) => {
      refresh();
      close();
      const count = way === 'POST' ? match.added : match.removed;
      notifications.show({ message: t(way === 'POST' ? 'lists.added' : 'lists.removed', { count, size: format.number(count) }) });
    },
  });
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconUserPlus size={16} aria-hidden />}
        onClick={() => {
          change.reset();
          ask();
        }}
      >
        {t('lists.people')}
      </Button>
      <Modal size="lg" opened={open} onClose={close} title={t('lists.people')} closeButtonProps={{ 'aria-label': t('state.close') }}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            change.mutate();
          }}
        >
          <Stack>
            <SegmentedControl
              value={way}
              onChange={(v) => setWay(v as 'POST' | 'DELETE')}
              data={[
                { value: 'POST', label: t('lists.add') },
                { value: 'DELETE', label: t('lists.takeOff') },
              ]}
            />
            <PeopleInput onChange={setPeople} />
            {change.isError && (
              <Alert color="red" role="alert">
                {change.error.message}
              </Alert>
            )}
            <Group justify="end">
              <Button variant="default" onClick={close}>
                {t('state.cancel')}
              </Button>
              <Button type="submit" loading={change.isPending} disabled={!people}>
                {way === 'POST' ? t('lists.add') : t('lists.takeOff')}
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}

/** Off the list with one person. */
export function TakeOff({ segment, profile }: { segment: Segment; profile: string }) {
  const { t } = useTranslation();
  const ws = useWs();
  const refresh = useRefresh();
  const remove = useMutation({
    mutationFn: () => call('DELETE', ws(membersOf(segment)), { body: { members: [{ profile }] } }),
    onSuccess: refresh,
    onError: (error) => notifications.show({ color: 'red', message: error.message }),
  });
  return (
    <ActionIcon variant="subtle" color="gray" loading={remove.isPending} onClick={() => remove.mutate()} aria-label={t('lists.takeOff')} title={t('lists.takeOff')}>
      <IconUserMinus size={16} aria-hidden />
    </ActionIcon>
  );
}
