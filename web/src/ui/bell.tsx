/** A bell with the alerts that are firing. */
import { ActionIcon, Anchor, Indicator, Popover, Stack, Text } from '@mantine/core';
import { IconBell } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { useAlertText } from '../reports/alert-text';
import { useDocuments } from '../reports/documents';

const MINUTE = 60_000;

export function Bell({ onGo }: { onGo?: () => void }) {
  const { t } = useTranslation();
  const text = useAlertText();
  const [open, setOpen] = useState(false);
  const alerts = useDocuments('/alerts', { refetchInterval: MINUTE });
  const firing = (alerts.data ?? []).filter((a) => a.state === 'firing');
  const close = () => {
    setOpen(false);
    onGo?.();
  };
  return (
    <Indicator disabled={firing.length === 0} label={firing.length} size={18} color="apricot.7" offset={4}>
      <Popover opened={open} onChange={setOpen} width={300} position="bottom-start" shadow="md" trapFocus returnFocus>
        <Popover.Target>
          <ActionIcon variant="subtle" color="gray" size={34} onClick={() => setOpen(!open)} aria-label={t('alerts.bell', { count: firing.length })}>
            <IconBell size={19} stroke={1.7} aria-hidden />
          </ActionIcon>
        </Popover.Target>
        <Popover.Dropdown>
          <Stack gap="sm">
            {firing.length === 0 && (
              <Text size="sm" c="dimmed">
                {t('alerts.quiet')}
              </Text>
            )}
            {firing.map((alert) => (
              <div key={alert.id}>
                <Text size="sm" fw={600} style={{ overflowWrap: 'anywhere' }}>
                  {alert.name}
                </Text>
                <Text size="sm" c="dimmed">
                  {text.state(alert)}
                </Text>
              </div>
            ))}
            <Anchor component={Link} href="/alerts" size="sm" onClick={close}>
              {t('alerts.all')}
            </Anchor>
          </Stack>
        </Popover.Dropdown>
      </Popover>
    </Indicator>
  );
}
