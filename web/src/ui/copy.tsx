import { ActionIcon, Alert, Button, Code, CopyButton, Group, Stack, Text, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

/** A button that copies a text. */
export function Copy({ text }: { text: string }) {
  const { t } = useTranslation();
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? t('state.copied') : t('state.copy')}>
          <ActionIcon variant="subtle" onClick={copy} aria-label={copied ? t('state.copied') : t('state.copy')}>
            {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

/** A secret, shown now and never again. */
export function Once({ text, hint }: { text: string; hint: string }) {
  return (
    <Alert color="apricot" role="status">
      <Text size="sm" mb={6}>
        {hint}
      </Text>
      <Group gap="xs" wrap="nowrap" align="start">
        <Code block className="kern-code" flex={1} style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }} data-secret>
          {text}
        </Code>
        <Copy text={text} />
      </Group>
    </Alert>
  );
}

/** The same as all that a dialog says. */
export function ShownOnce({ label, hint, text, close }: { label: string; hint: string; text: string; close: () => void }) {
  const { t } = useTranslation();
  return (
    <Stack>
      <Text size="sm" fw={560}>
        {label}
      </Text>
      <Once text={text} hint={hint} />
      <Group justify="end">
        <Button onClick={close}>{t('state.gotIt')}</Button>
      </Group>
    </Stack>
  );
}
