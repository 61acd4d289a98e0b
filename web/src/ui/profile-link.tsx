import { Anchor, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { get } from '../api/client';
import type { Profile } from '../api/types';
import { nameOf } from '../profile-name';
import { useWs } from '../session';

/** A profile by its name, as a link; within a sentence it is underlined, as colour alone does not tell. */
export function ProfileName({ id, inSentence }: { id: string; inSentence?: boolean }) {
  const { t } = useTranslation();
  const ws = useWs();
  const profile = useQuery({ queryKey: ['profile', ws(''), id], queryFn: ({ signal }) => get<Profile>(ws(`/profiles/${id}`), {}, signal), staleTime: 60_000 });
  if (profile.isPending) return <Skeleton component="span" display="inline-block" h={14} w={140} />;
  return (
    <Anchor component={Link} href={`/profiles/${id}`} size="sm" underline={inSentence ? 'always' : 'hover'}>
      {(profile.data && nameOf(profile.data)) ?? t('profiles.unknown')}
    </Anchor>
  );
}
