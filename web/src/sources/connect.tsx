/** How to connect: the code for a client, to copy or to send to who builds the site. */
import { Button, Code, Group, Select, Stack, Text } from '@mantine/core';
import { IconMail } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Source } from '../api/types';
import { Copy } from '../ui/copy';
import { snippets, type Snippet } from './snippets';

const KINDS = ['site', 'app', 'server', 'other'] as const;
const FIRST: Record<string, string> = { web: 'script', mobile: 'swift', server: 'node' };

function useMail(snippet: Snippet, source: Source) {
  const { t } = useTranslation();
  const body = t('snippet.mailBody', { origin: location.origin, code: snippet.code, link: `${location.origin}/sources/${source.id}` });
  return `mailto:?subject=${encodeURIComponent(t('snippet.mailSubject'))}&body=${encodeURIComponent(body)}`;
}

export function Connect({ source }: { source: Source }) {
  const { t } = useTranslation();
  const key = source.write_keys[0] ?? '';
  const all = snippets(location.origin, key);
  const [chosen, setChosen] = useState(FIRST[source.kind] ?? 'script');
  const snippet = all.find((s) => s.id === chosen) ?? all[0]!;
  const mail = useMail(snippet, source);
  const groups = KINDS.map((kind) => ({ group: t(`snippet.kinds.${kind}`), items: all.filter((s) => s.kind === kind).map((s) => ({ value: s.id, label: s.name })) }));
  return (
    <Stack px="md" pb="md" gap="sm">
      <Group gap="xs">
        <Text size="sm">{t('sources.key')}</Text>
        <Code style={{ overflowWrap: 'anywhere' }}>{key}</Code>
        <Copy text={key} />
      </Group>
      <Select label={t('snippet.choose')} maw={320} allowDeselect={false} data={groups} value={snippet.id} onChange={(id) => id && setChosen(id)} />
      {snippet.hint && (
        <Text size="sm" c="dimmed">
          {t(`snippet.${snippet.hint}`, { package: snippet.package })}
        </Text>
      )}
      <Group align="start" wrap="nowrap" gap="xs">
        <Code block className="kern-code" flex={1} style={{ minWidth: 0 }} aria-label={snippet.name}>
          {snippet.code}
        </Code>
        <Copy text={snippet.code} />
      </Group>
      <Group>
        <Button component="a" href={mail} variant="light" leftSection={<IconMail size={16} aria-hidden />}>
          {t('snippet.send')}
        </Button>
      </Group>
    </Stack>
  );
}
