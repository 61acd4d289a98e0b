/** What customer service does for a person: correct, stop mail, object, note. Each becomes a record. */
import { Autocomplete, Checkbox, Stack, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call, post } from '../api/client';
import type { Profile } from '../api/types';
import { useWs } from '../session';
import { Ask } from './ask';

export interface CareProps {
  profile: Profile;
  close: () => void;
}

const NOTE_MAX = 3000; // characters; within the API's 10,000 bytes in any script

export function AddNote({ profile, close }: CareProps) {
  const { t } = useTranslation();
  const ws = useWs();
  const [text, setText] = useState('');
  const run = async () => {
    await post(ws(`/profiles/${profile.id}/notes`), { text });
    return t('care.noteDone');
  };
  return (
    <Ask title={t('care.note')} hint={t('care.noteHint')} submit={t('state.save')} ready={text.trim() !== ''} run={run} close={close}>
      <Textarea label={t('care.noteText')} data-autofocus required autosize minRows={3} maxRows={12} maxLength={NOTE_MAX} value={text} onChange={(e) => setText(e.currentTarget.value)} />
    </Ask>
  );
}

/** A value keeps its kind: what was a number stays one. */
export function typed(text: string, before: unknown): unknown {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  if (typeof before === 'number' && /^-?\d+([.,]\d+)?$/.test(trimmed)) return Number(trimmed.replace(',', '.'));
  if (typeof before === 'boolean' && /^(true|false)$/.test(trimmed)) return trimmed === 'true';
  return trimmed;
}

export function CorrectTrait({ profile, close }: CareProps) {
  const { t } = useTranslation();
  const ws = useWs();
  const plain = Object.entries(profile.traits).filter(([key, value]) => (typeof value !== 'object' || value === null) && key.length <= 120);
  const [key, setKey] = useState('');
  const [value, setValue] = useState('');
  const [reason, setReason] = useState('');
  const choose = (next: string) => {
    setKey(next);
    if (next in profile.traits) setValue(String(profile.traits[next] ?? ''));
  };
  const run = async () => {
    await call('PATCH', ws(`/profiles/${profile.id}/traits`), { body: { traits: { [key.trim()]: typed(value, profile.traits[key]) }, ...(reason.trim() ? { reason } : {}) } });
    return t('care.correctDone', { trait: key.trim() });
  };
  return (
    <Ask title={t('care.correct')} hint={t('care.correctHint')} submit={t('state.save')} ready={key.trim() !== ''} run={run} close={close}>
      <Autocomplete label={t('care.trait')} data-autofocus required maxLength={200} data={plain.map(([k]) => k)} value={key} onChange={choose} />
      <TextInput label={t('care.value')} description={t('care.valueHint')} maxLength={NOTE_MAX} value={value} onChange={(e) => setValue(e.currentTarget.value)} />
      <TextInput label={t('care.reason')} placeholder={t('care.reasonHint')} maxLength={500} value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
    </Ask>
  );
}

export function StopMail({ profile, close }: CareProps) {
  const { t } = useTranslation();
  const ws = useWs();
  const [reason, setReason] = useState('');
  const run = async () => {
    await post(ws(`/profiles/${profile.id}/consents`), { consents: [{ purpose: 'marketing_email', state: 'denied' }], reason });
    return t('care.stopMailDone');
  };
  return (
    <Ask title={t('care.stopMail')} hint={t('care.stopMailHint')} submit={t('care.stopMail')} ready run={run} close={close}>
      <TextInput label={t('care.reason')} data-autofocus placeholder={t('care.reasonHint')} maxLength={500} value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
    </Ask>
  );
}

const PURPOSES = ['marketing_email', 'marketing_sms', 'marketing_push', 'marketing_phone', 'marketing_post', 'advertising', 'personalisation', 'analytics'];

export function Objection({ profile, close }: CareProps) {
  const { t } = useTranslation();
  const ws = useWs();
  const [chosen, setChosen] = useState(PURPOSES.slice(0, 6));
  const [reason, setReason] = useState('');
  const run = async () => {
    await post(ws(`/profiles/${profile.id}/consents`), { consents: chosen.map((purpose) => ({ purpose, state: 'denied', basis: 'objection' })), reason });
    return t('care.objectDone');
  };
  return (
    <Ask title={t('care.object')} hint={t('care.objectHint')} submit={t('care.object')} ready={chosen.length > 0} run={run} close={close}>
      <Checkbox.Group value={chosen} onChange={setChosen} aria-label={t('care.objectHint')}>
        <Stack gap="xs">
          {PURPOSES.map((p) => (
            <Checkbox key={p} value={p} label={t(`purpose.${p}`)} />
          ))}
        </Stack>
      </Checkbox.Group>
      <TextInput label={t('care.reason')} placeholder={t('care.reasonHint')} maxLength={500} value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
    </Ask>
  );
}
