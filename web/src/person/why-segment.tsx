/** On a segment: why anybody is in or out. */
import { Stack } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Profile } from '../api/types';
import { nameOf } from '../profile-name';
import { Card } from '../ui/page';
import { Explain } from './explain';
import { Quiet } from './facts';
import { FindPerson } from './find';

export function WhySegment({ query }: { query: string }) {
  const { t } = useTranslation();
  const [person, setPerson] = useState<Profile | null>(null);
  return (
    <Card title={t('explain.title')} hint={t('explain.hint')}>
      <Stack px="md" pb="md" gap="md">
        <FindPerson label={t('explain.person')} onFound={setPerson} />
        {person && <Explain query={query} profile={person.id} name={nameOf(person) ?? t('profiles.unknown')} />}
      </Stack>
      {!person && <Quiet>{t('explain.pick')}</Quiet>}
    </Card>
  );
}
