import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { get } from '../api/client';
import { useFormat } from '../format';
import { useWs } from '../session';
import { Card } from '../ui/page';
import { Failed, LoadingRows } from '../ui/states';
import { Folded, Quiet } from './facts';
import type { Favourites as Answer } from './types';

export function Favourites({ id }: { id: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const likes = useQuery({ queryKey: ['favourites', ws(''), id], queryFn: ({ signal }) => get<Answer>(ws(`/profiles/${id}/favourites`), {}, signal) });
  const shown = likes.data?.data.filter((f) => f.values.length > 0) ?? [];
  return (
    <Card title={t('person.favourites')} hint={t('person.favouritesHint')}>
      {likes.isError ? (
        <Failed error={likes.error} retry={() => likes.refetch()} />
      ) : likes.isPending ? (
        <LoadingRows rows={3} />
      ) : shown.length === 0 ? (
        <Quiet>{t('person.noFavourites')}</Quiet>
      ) : (
        <div className="kern-pair">
          {shown.map((f) => (
            <div key={f.of}>
              <Text size="sm" fw={560} c="dimmed" mb={4}>
                {t(`person.${f.of}`)}
              </Text>
              <ol className="kern-people">
                {f.values.map((v) => (
                  <li key={String(v.value)}>
                    <Text size="sm" component="div" style={{ overflowWrap: 'anywhere' }}>
                      <Folded text={String(v.value)} />
                    </Text>
                    <div className="kern-share" aria-hidden>
                      <span style={{ width: `${(100 * v.points) / f.values[0]!.points}%` }} />
                    </div>
                    <Text size="xs" c="dimmed">
                      {t('person.points', { points: format.number(Math.round(v.points * 10) / 10), count: v.events })}
                    </Text>
                  </li>
                ))}
              </ol>
            </div>
          ))}
        </div>
      )}
    </Card>
  );
}
