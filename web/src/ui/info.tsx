/** An (i) that says what a figure means. */
import { ActionIcon, Popover, Text } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

export function Info({ of, text }: { of: string; text: string }) {
  const { t } = useTranslation();
  return (
    <Popover width={280} position="bottom-start" withArrow shadow="md" trapFocus={false}>
      <Popover.Target>
        <ActionIcon variant="subtle" color="gray" size={24} radius="xl" aria-label={t('reports.whatIs', { name: of })}>
          <IconInfoCircle size={15} aria-hidden />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown>
        <Text size="sm" style={{ textTransform: 'none', whiteSpace: 'normal', textAlign: 'start' }} fw={420} c="var(--mantine-color-text)">
          {text}
        </Text>
      </Popover.Dropdown>
    </Popover>
  );
}
