import { Button, Group, MultiSelect, Select, Stack, Switch, TagsInput, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { call, get } from '../api/client';
import type { Page, Segment } from '../api/types';
import { useWs } from '../session';
import { PURPOSES, type Destination } from './shapes';
import { fieldError, FormError } from '../ui/form-errors';

const FIELDS = ['identifier.user_id', 'identifier.email', 'identifier.phone', 'trait.firstName', 'trait.lastName', 'created_at', 'last_seen_at'];

/** A new destination, or another one of the same. */
export function DestinationForm({ present, close, saved }: { present?: Destination; close: () => void; saved: (d: Destination) => void }) {
  const { t } = useTranslation();
  const ws = useWs();
  const client = useQueryClient();
  const [name, setName] = useState(present?.name ?? '');
  const [url, setUrl] = useState(present?.url ?? '');
  const [purpose, setPurpose] = useState<string | null>(present?.purpose ?? null);
  const [segments, setSegments] = useState(present?.segments ?? []);
  const [fields, setFields] = useState(present?.fields ?? ['identifier.user_id', 'identifier.email']);
  const [enabled, setEnabled] = useState(present?.enabled ?? true);
  const all = useQuery({ queryKey: ['segments', ws(''), 'all'], queryFn: ({ signal }) => get<Page<Segment>>(ws('/segments'), { limit: 1000 }, signal) });
  const save = useMutation({
    mutationFn: () => {
      const body = { name: name.trim() || undefined, url: url.trim(), purpose, segments, fields, enabled };
      return present ? call<Destination>('PATCH', ws(`/destinations/${present.id}`), { body }) : call<Destination>('POST', ws('/destinations'), { body });
    },
    onSuccess: (d) => {
      void client.invalidateQueries({ queryKey: ['destinations'] });
      void client.invalidateQueries({ queryKey: ['destination'] });
      saved(d);
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate();
  };
  const purposes = PURPOSES.map((value) => ({ value: value as string, label: t(`purpose.${value}`) }));
  if (present && !purposes.some((p) => p.value === present.purpose)) purposes.push({ value: present.purpose, label: present.purpose });
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextInput label={t('destinations.name')} value={name} onChange={(e) => setName(e.currentTarget.value)} maxLength={200} data-autofocus error={fieldError(save.error, '/name')} />
        <TextInput label={t('destinations.url')} description={t('destinations.urlHint')} value={url} onChange={(e) => setUrl(e.currentTarget.value)} required type="url" placeholder="https://" error={fieldError(save.error, '/url')} />
        <MultiSelect label={t('destinations.segments')} description={t('destinations.segmentsHint')} data={(all.data?.data ?? []).map((s) => ({ value: s.key, label: s.name }))} value={segments} onChange={setSegments} searchable maxValues={20} withAsterisk hidePickedOptions error={fieldError(save.error, '/segments')} />
        <Select label={t('destinations.purpose')} description={t('destinations.purposeHint')} data={purposes} value={purpose} onChange={setPurpose} withAsterisk error={fieldError(save.error, '/purpose')} />
        <TagsInput label={t('destinations.fields')} description={t('destinations.fieldsHint')} data={FIELDS} value={fields} onChange={setFields} maxTags={50} error={fieldError(save.error, '/fields')} />
        {present && <Switch label={t('destinations.on')} checked={enabled} onChange={(e) => setEnabled(e.currentTarget.checked)} />}
        <FormError error={save.error} fields={['/url', '/purpose', '/segments', '/fields', '/name']} />
        <Group justify="end">
          <Button variant="default" onClick={close}>
            {t('state.cancel')}
          </Button>
          <Button type="submit" loading={save.isPending}>
            {present ? t('destinations.save') : t('destinations.add')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
