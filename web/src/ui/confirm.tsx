/** Says what will happen before it does. */
import { Button, Group, Modal, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';

interface Props {
  title: string;
  hint?: string;
  busy: boolean;
  onClose: () => void;
  onConfirm: () => void;
}

export function ConfirmRemove({ title, hint, busy, onClose, onConfirm }: Props) {
  const { t } = useTranslation();
  return (
    <Modal opened onClose={onClose} title={title} closeButtonProps={{ 'aria-label': t('state.close') }}>
      {hint && <Text mb="md">{hint}</Text>}
      <Group justify="end">
        <Button variant="default" onClick={onClose}>
          {t('state.cancel')}
        </Button>
        <Button color="red" loading={busy} onClick={onConfirm}>
          {t('reports.remove')}
        </Button>
      </Group>
    </Modal>
  );
}
