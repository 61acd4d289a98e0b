/** Says what will happen before it does, and what went wrong when it did not. */
import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { FormError } from './form-errors';

interface Props {
  title: string;
  hint?: string;
  action?: string; // what the button says; else that it removes
  error?: unknown;
  busy: boolean;
  onClose: () => void;
  onConfirm: () => void;
}

export function Confirm({ title, hint, action, error, busy, onClose, onConfirm }: Props) {
  const { t } = useTranslation();
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ 'aria-label': t('state.close') }}>
      <Stack>
        {hint && <Text size="sm">{hint}</Text>}
        <FormError error={error} fields={[]} />
        <Group justify="end">
          <Button variant="default" onClick={onClose}>
            {t('state.cancel')}
          </Button>
          <Button color="red" loading={busy} onClick={onConfirm}>
            {action ?? t('reports.remove')}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
