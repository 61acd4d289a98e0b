/** A question in a dialog with one answer that changes something: shows its result or its error. */
import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { FormEvent, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

interface Props {
  title: string;
  hint: string;
  submit: string;
  ready: boolean;
  danger?: boolean;
  run: () => Promise<string>; // answers what to say when it is done
  close: () => void;
  children?: ReactNode;
  size?: string;
}

/** Everything that tells of a person is asked for again after a change. */
const OF_A_PERSON = ['profile', 'profiles', 'traits', 'events', 'links', 'consents', 'sessions', 'orders', 'all-sessions', 'all-orders', 'favourites', 'explain'];

export function Ask({ title, hint, submit, ready, danger, run, close, children, size }: Props) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const act = useMutation({
    mutationFn: run,
    onSuccess: (message) => {
      for (const key of OF_A_PERSON) void client.invalidateQueries({ queryKey: [key] });
      notifications.show({ message });
      close();
    },
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (ready) act.mutate();
  };
  return (
    <Modal opened onClose={close} title={title} size={size} closeButtonProps={{ 'aria-label': t('state.close') }}>
      <form onSubmit={onSubmit}>
        <Stack>
          <Text size="sm">{hint}</Text>
          {children}
          {act.isError && (
            <Text className="kern-wrong" role="alert" size="sm">
              {act.error.message}
            </Text>
          )}
          <Group justify="end">
            <Button variant="default" onClick={close}>
              {t('state.cancel')}
            </Button>
            <Button type="submit" color={danger ? 'red.9' : undefined} disabled={!ready} loading={act.isPending}>
              {submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
