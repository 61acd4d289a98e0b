/** Asks a name, and what else its children ask. */
import { Button, Group, Modal, Stack, TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

interface Props {
  title: string;
  label: string;
  initial?: string;
  busy: boolean;
  onClose: () => void;
  onSave: (name: string) => void;
  children?: ReactNode;
}

export function NameModal({ title, label, initial = '', busy, onClose, onSave, children }: Props) {
  const { t } = useTranslation();
  const [name, setName] = useState(initial);
  const good = name.trim() !== '';
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ 'aria-label': t('state.close') }}>
      <form
        onSubmit={(e) => {
          e.preventDefault();
          if (good) onSave(name.trim());
        }}
      >
        <Stack gap="md">
          <TextInput data-autofocus required label={label} maxLength={150} value={name} onChange={(e) => setName(e.currentTarget.value)} />
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
