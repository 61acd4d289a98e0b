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

export function Card({ title, hint, actions, children }: { title?: string; hint?: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className="kern-card" aria-label={title}>
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
