/** On the overview, until there is a segment: the way back to the first steps. */
import { Alert, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { get } from '../api/client';
import type { Page, Segment } from '../api/types';
import { useWs } from '../session';

export function Resume() {
  const { t } = useTranslation();
  const ws = useWs();
  const some = useQuery({ queryKey: ['segments', ws(''), 'any'], queryFn: ({ signal }) => get<Page<Segment>>(ws('/segments'), { limit: 1 }, signal) });
  if (!some.data || some.data.data.length > 0) return null;
  return (
    <Alert mb="md" title={t('first.resume')}>
      <Text size="sm">
        {t('first.resumeHint')}{' '}
        <Link href="/welcome" className="kern-link" style={{ textDecoration: 'underline' }}>
          {t('first.segment')}
        </Link>
      </Text>
    </Alert>
  );
}
