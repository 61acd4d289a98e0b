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

/** Something that is shown now and never again. */
export function ShownOnce({ label, hint, text, close }: { label: string; hint: string; text: string; close: () => void }) {
  const { t } = useTranslation();
  return (
    <Stack>
      <Alert color="apricot" role="note">
        {hint}
      </Alert>
      <Text size="sm" fw={560}>
        {label}
      </Text>
      <Group wrap="nowrap" align="start">
        <Code block className="kern-code" flex={1} style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
          {text}
        </Code>
        <Copy text={text} />
      </Group>
      <Group justify="end">
        <Button onClick={close}>{t('state.gotIt')}</Button>
      </Group>
    </Stack>
  );
}
