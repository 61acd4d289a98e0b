/** Rows with a bar: the larger the share the longer. */
import { Group, Text } from '@mantine/core';
import type { ReactNode } from 'react';

export function BarRow({ name, value, share, children }: { name: ReactNode; value: ReactNode; share: number; children?: ReactNode }) {
  return (
    <li>
      <Group justify="space-between" gap="xs" mb={4} align="baseline">
        <Text component="div" fw={560} style={{ overflowWrap: 'anywhere', flex: '1 1 12rem' }}>
          {name}
        </Text>
        <Text component="div" className="kern-tabular">
          {value}
        </Text>
      </Group>
      <div className="kern-bar" aria-hidden>
        <span style={{ width: `${Math.min(1, Math.max(0, share)) * 100}%` }} />
      </div>
      {children}
    </li>
  );
}
