/** Merging two profiles and splitting one, each with its result before it happens. */
import { Checkbox, SimpleGrid, Stack, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { post } from '../api/client';
import type { Identifier, Profile } from '../api/types';
import { useFormat } from '../format';
import { nameOf } from '../profile-name';
import { useWs } from '../session';
import { LoadingRows } from '../ui/states';
import { Ask } from './ask';
import type { CareProps } from './care';
import { FindPerson } from './find';

function Result({ title, profile }: { title: string; profile: Profile | null }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <div className="kern-condition">
      <Text size="sm" c="dimmed">
        {title}
      </Text>
      {profile ? (
        <>
          <Text size="sm" fw={560} style={{ overflowWrap: 'anywhere' }}>
            {(nameOf(profile) ?? t('profiles.unknown')).slice(0, 120)}
          </Text>
          {profile.identifiers.map((i) => (
            <Text key={i.type + i.value} size="xs" style={{ overflowWrap: 'anywhere' }}>
              {t(`identifier.${i.type}`, { defaultValue: i.type })}: <bdi>{i.value}</bdi>
            </Text>
          ))}
          <Text size="xs" c="dimmed">
            {t('care.counters', { events: format.number(profile.counters.events), orders: format.number(profile.counters.orders) })}
          </Text>
        </>
      ) : (
        <Text size="sm">{t('care.splitNothing')}</Text>
      )}
    </div>
  );
}

function Trouble({ error }: { error: Error }) {
  return (
    <Text className="kern-wrong" role="alert" size="sm">
      {error.message}
    </Text>
  );
}

export function Merge({ profile, close }: CareProps) {
  const { t } = useTranslation();
  const ws = useWs();
  const [, navigate] = useLocation();
  const [other, setOther] = useState<Profile | null>(null);
  const [reason, setReason] = useState('');
  const body = { profiles: [profile.id, other?.id], reason };
  const preview = useQuery({ queryKey: ['merge', ws(''), profile.id, other?.id], queryFn: () => post<Profile>(ws('/profiles/merge'), { ...body, reason: '' }, { dry_run: true }), enabled: other !== null, retry: false });
  const run = async () => {
    const merged = await post<Profile>(ws('/profiles/merge'), body);
    if (merged.id !== profile.id) navigate(`/profiles/${merged.id}`);
    return t('care.mergeDone');
  };
  return (
    <Ask title={t('care.merge')} hint={t('care.mergeHint')} submit={t('care.merge')} ready={preview.isSuccess} run={run} close={close}>
      <FindPerson label={t('care.mergeWith')} without={profile.id} onFound={setOther} />
      {other && preview.isPending && <LoadingRows rows={2} />}
      {preview.isError && <Trouble error={preview.error} />}
      {preview.data && <Result title={t('care.mergeResult')} profile={preview.data} />}
      <TextInput label={t('care.reason')} maxLength={500} value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
    </Ask>
  );
}

interface Sides {
  profile: Profile | null;
  split_off: Profile | null;
}

const keyOf = (i: Identifier) => JSON.stringify([i.type, i.value]);

export function Split({ profile, close }: CareProps) {
  const { t } = useTranslation();
  const ws = useWs();
  const [chosen, setChosen] = useState<string[]>([]);
  const [reason, setReason] = useState('');
  const identifiers = chosen.map((k) => JSON.parse(k) as [string, string]).map(([type, value]) => ({ type, value }));
  const some = identifiers.length > 0 && identifiers.length < profile.identifiers.length;
  const preview = useQuery({ queryKey: ['split', ws(''), profile.id, chosen], queryFn: () => post<Sides>(ws(`/profiles/${profile.id}/unmerge`), { identifiers }, { dry_run: true }), enabled: some, retry: false });
  const run = async () => {
    await post<Sides>(ws(`/profiles/${profile.id}/unmerge`), { identifiers, reason });
    return t('care.splitDone');
  };
  return (
    <Ask title={t('care.split')} hint={t('care.splitHint')} submit={t('care.split')} ready={some && preview.isSuccess} danger run={run} close={close} size="lg">
      <Checkbox.Group value={chosen} onChange={setChosen} aria-label={t('care.identifiers')}>
        <Stack gap="xs">
          {profile.identifiers.map((i) => (
            <Checkbox key={keyOf(i)} value={keyOf(i)} label={`${t(`identifier.${i.type}`, { defaultValue: i.type })}: ${i.value}`} styles={{ label: { overflowWrap: 'anywhere' } }} />
          ))}
        </Stack>
      </Checkbox.Group>
      {some && preview.isPending && <LoadingRows rows={2} />}
      {some && preview.isError && <Trouble error={preview.error} />}
      {some && preview.data && (
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <Result title={t('care.splitKeeps')} profile={preview.data.profile} />
          <Result title={t('care.splitOff')} profile={preview.data.split_off} />
        </SimpleGrid>
      )}
      <TextInput label={t('care.reason')} maxLength={500} value={reason} onChange={(e) => setReason(e.currentTarget.value)} />
    </Ask>
  );
}
