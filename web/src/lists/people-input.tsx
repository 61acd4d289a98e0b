/** Who goes on a list: pasted or in a file, looked up before anything is saved. */
import { Alert, FileInput, Group, Loader, Select, SimpleGrid, Stack, Text, Textarea } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconUpload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { get } from '../api/client';
import { useFormat } from '../format';
import { useWs } from '../session';
import { guess, type People } from './rows';
import { send, type Match } from './send';

const TYPES = ['email', 'user_id', 'phone', 'anonymous_id'];

function useTypes() {
  const { t } = useTranslation();
  const ws = useWs();
  const identity = useQuery({ queryKey: ['identity', ws('')], queryFn: ({ signal }) => get<{ types: { type: string }[] }>(ws('/identity'), {}, signal), staleTime: 60_000 });
  const all = [...new Set([...TYPES, ...(identity.data?.types.map((x) => x.type) ?? []), 'id'])];
  return all.map((value) => ({ value, label: value === 'id' ? t('lists.profileId') : t(`identifier.${value}`, { defaultValue: value }) }));
}

function Figure({ value, label, strong }: { value: number; label: string; strong?: boolean }) {
  const format = useFormat();
  return (
    <div>
      <Text fz={strong ? 28 : 20} fw={620} lh={1.2} style={{ fontVariantNumeric: 'tabular-nums' }}>
        {format.number(value)}
      </Text>
      <Text size="sm" c="dimmed">
        {label}
      </Text>
    </div>
  );
}

export function MatchSummary({ match }: { match: Match }) {
  const { t } = useTranslation();
  const format = useFormat();
  const bad = match.unknown + match.blocked + match.malformed;
  return (
    <Stack gap="sm">
      <SimpleGrid cols={{ base: 2, xs: 4 }} spacing="sm">
        <Figure strong value={match.matched - match.duplicates} label={t('lists.matched', { count: match.matched - match.duplicates })} />
        <Figure value={match.duplicates} label={t('lists.duplicates')} />
        <Figure value={match.unknown} label={t('lists.unknown')} />
        <Figure value={match.blocked + match.malformed} label={t('lists.unusable')} />
      </SimpleGrid>
      {match.unknown > 0 && (
        <Text size="sm" c="dimmed">
          {t('lists.unknownHint')}
        </Text>
      )}
      {bad > 0 && (
        <details>
          <summary>{t('lists.rows', { count: bad, size: format.number(bad) })}</summary>
          <div className="kern-scroll" style={{ maxHeight: 220, overflowY: 'auto' }} tabIndex={0} role="region" aria-label={t('lists.rows', { count: bad, size: format.number(bad) })}>
            <table className="kern-table">
              <thead>
                <tr>
                  <th scope="col" className="number" style={{ width: 90 }}>
                    {t('lists.line')}
                  </th>
                  <th scope="col">{t('lists.what')}</th>
                </tr>
              </thead>
              <tbody>
                {match.errors.map((e) => (
                  <tr key={e.line}>
                    <td className="number">{format.number(e.line)}</td>
                    <td title={e.detail}>{t(`lists.reason.${e.reason}`)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
            {bad > match.errors.length && (
              <Text size="sm" c="dimmed" p="xs">
                {t('lists.more', { size: format.number(bad - match.errors.length) })}
              </Text>
            )}
          </div>
        </details>
      )}
    </Stack>
  );
}

export function PeopleInput({ onChange }: { onChange: (people: People | null) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const types = useTypes();
  const [text, setText] = useState('');
  const [file, setFile] = useState<File | null>(null);
  const [type, setType] = useState('email');
  const [column, setColumn] = useState<string>();
  const [columns, setColumns] = useState<string[]>([]);
  const [pasted] = useDebouncedValue(text, 350);
  const [progress, setProgress] = useState(0);
  const source = useMemo(() => file ?? (pasted.trim() ? new Blob([pasted]) : null), [file, pasted]);

  useEffect(() => {
    let gone = false;
    if (!source) setColumns([]);
    else
      void guess(source).then((g) => {
        if (gone) return;
        setColumns(g.columns);
        setColumn(g.column);
        if (g.type) setType(g.type);
      });
    return () => {
      gone = true;
    };
  }, [source]);

  const people = useMemo<People | null>(() => (source ? { source, type, column: columns.length > 0 ? column : undefined } : null), [source, type, column, columns]);
  useEffect(() => onChange(people), [people, onChange]);
  const match = useQuery({
    queryKey: ['list-match', ws(''), file ? [file.name, file.size, file.lastModified] : pasted, people?.type, people?.column],
    queryFn: ({ signal }) => {
      setProgress(0);
      return send('POST', ws('/segments/match'), people!, { signal, onProgress: setProgress });
    },
    enabled: people !== null,
    retry: false,
    gcTime: 0,
  });
  return (
    <Stack gap="sm">
      {!file && <Textarea label={t('lists.paste')} description={t('lists.pasteHint')} autosize minRows={4} maxRows={12} spellCheck={false} value={text} onChange={(e) => setText(e.currentTarget.value)} />}
      <FileInput label={t('lists.file')} description={t('lists.fileHint')} placeholder={t('lists.choose')} leftSection={<IconUpload size={16} aria-hidden />} accept=".csv,.txt,.tsv,text/csv,text/plain" styles={{ placeholder: { color: 'var(--mantine-color-dimmed)' } }} clearable clearButtonProps={{ 'aria-label': t('lists.noFile') }} value={file} onChange={setFile} />
      <Group gap="sm" align="end">
        <Select label={t('lists.type')} data={types} value={type} onChange={(v) => v && setType(v)} allowDeselect={false} w={230} />
        {columns.length > 0 && <Select label={t('lists.column')} data={[...new Set(columns.filter(Boolean))]} value={column ?? null} onChange={(v) => v && setColumn(v)} allowDeselect={false} w={230} />}
      </Group>
      <div aria-live="polite">
        {match.isError ? (
          <Alert color="red" role="alert">
            {match.error.message}
          </Alert>
        ) : match.data ? (
          <MatchSummary match={match.data} />
        ) : people ? (
          <Group gap="xs">
            <Loader size="xs" />
            <Text size="sm" c="dimmed">
              {t('lists.looking', { size: format.number(progress) })}
            </Text>
          </Group>
        ) : null}
      </div>
    </Stack>
  );
}
