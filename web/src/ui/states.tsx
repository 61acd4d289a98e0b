/** What a view shows when it has nothing to show yet, nothing at all, or an error. */
import { Button, Center, Group, Loader, Skeleton, Stack, Text, Title } from '@mantine/core';
import { IconAlertTriangle, IconPlugConnectedX } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Unreachable } from '../api/client';

export function Loading() {
  const { t } = useTranslation();
  return (
    <Center mih={200} role="status" aria-label={t('state.loading')}>
      <Loader type="dots" />
    </Center>
  );
}

export function LoadingRows({ rows = 8 }: { rows?: number }) {
  const { t } = useTranslation();
  return (
    <Stack gap="sm" p="md" role="status" aria-label={t('state.loading')}>
      {Array.from({ length: rows }, (_, i) => (
        <Skeleton key={i} h={18} radius="sm" w={`${92 - ((i * 13) % 30)}%`} />
      ))}
    </Stack>
  );
}

export function Empty({ title, hint, children }: { title: string; hint?: string; children?: ReactNode }) {
  return (
    <Center mih={220} p="xl">
      <Stack align="center" gap="xs" maw={440}>
        <Title order={2} ta="center">
          {title}
        </Title>
        {hint && (
          <Text c="dimmed" ta="center">
            {hint}
          </Text>
        )}
        {children}
      </Stack>
    </Center>
  );
}

export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useTranslation();
  const gone = error instanceof Unreachable;
  const Icon = gone ? IconPlugConnectedX : IconAlertTriangle;
  return (
    <Center mih={220} p="xl" role="alert">
      <Stack align="center" gap="sm" maw={480}>
        <Icon size={32} stroke={1.5} aria-hidden />
        <Title order={2}>{gone ? t('state.unreachable') : t('state.error')}</Title>
        <Text c="dimmed" ta="center">
          {gone ? t('state.unreachableHint') : error instanceof Error ? error.message : String(error)}
        </Text>
        {retry && (
          <Group>
            <Button variant="light" onClick={retry}>
              {t('state.retry')}
            </Button>
          </Group>
        )}
      </Stack>
    </Center>
  );
}
