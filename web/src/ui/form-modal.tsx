/** A form in a dialog: Enter saves, when there is something good to save. */
import { Button, Group, Modal, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

interface Props {
  title: string;
  good: boolean;
  busy: boolean;
  onClose: () => void;
  onSave: () => void;
  children: ReactNode;
}

export function FormModal({ title, good, busy, onClose, onSave, children }: Props) {
  const { t } = useTranslation();
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ 'aria-label': t('state.close') }}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          if (good) onSave();
        }}
      >
        <Stack gap="md">
          {children}
          <Group justify="end">
            <Button variant="default" onClick={onClose}>
              {t('state.cancel')}
            </Button>
            <Button type="submit" disabled={!good} loading={busy}>
              {t('state.save')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
