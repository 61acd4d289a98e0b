/** A line with its time, that unfolds into what was recorded. */
import { Code, Collapse, Group, Text, UnstyledButton } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';

const LONGEST = 20_000; // characters of what was recorded

interface Props {
  at?: string;
  time?: string; // of `at`, as it is read
  title?: string;
  value: unknown;
  children: ReactNode;
}

export function Unfold({ at, time, title, value, children }: Props) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Group justify="space-between" wrap="nowrap" gap="sm" align="start">
        {children}
        <UnstyledButton onClick={() => setOpen(!open)} aria-expanded={open}>
          <Group gap={4} wrap="nowrap">
            {at && (
              <Text size="xs" c="dimmed" style={{ whiteSpace: 'nowrap' }} title={title}>
                <time dateTime={at}>{time}</time>
              </Text>
            )}
            <IconChevronDown size={14} aria-label={t('profile.details')} style={{ rotate: open ? '180deg' : undefined }} />
          </Group>
        </UnstyledButton>
      </Group>
      <Collapse expanded={open}>
        {open && (
          <Code block mt={6} className="kern-code">
            {JSON.stringify(value, null, 2).slice(0, LONGEST)}
          </Code>
        )}
      </Collapse>
    </>
  );
}
