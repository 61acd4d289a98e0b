import { Group, Stack, Text, Title } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';

/** The head of a page; also the document's title, and where the keyboard goes after a change of page. */
export function PageHead({ title, lead, actions }: { title: string; lead?: string; actions?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Kern`;
  }, [title]);
  return (
    <Group justify="space-between" align="end" mb="lg" gap="md">
      <Stack gap={2}>
        <Title order={1}>{title}</Title>
        {lead && <Text c="dimmed">{lead}</Text>}
      </Stack>
      {actions}
    </Group>
  );
}

interface CardProps {
  title?: string;
  /** What it is called when its head is among the children. */
  label?: string;
  hint?: string;
  actions?: ReactNode;
  children: ReactNode;
}

export function Card({ title, label, hint, actions, children }: CardProps) {
  return (
    <section className="kern-card" aria-label={title ?? label}>
      {title && (
        <Group justify="space-between" px="md" pt="md" pb={hint ? 0 : 'xs'}>
          <Title order={2}>{title}</Title>
          {actions}
        </Group>
      )}
      {hint && (
        <Text px="md" pb="xs" size="sm" c="dimmed">
          {hint}
        </Text>
      )}
      {children}
    </section>
  );
}
