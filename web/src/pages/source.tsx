import { Anchor, Code, Group, Stack, Text } from '@mantine/core';
import { IconChevronLeft } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { ApiError, get } from '../api/client';
import type { Page, Reject, Source } from '../api/types';
import { useFormat } from '../format';
import { useSession, useWs } from '../session';
import { Check } from '../sources/check';
import { Connect } from '../sources/connect';
import { Live } from '../sources/live';
import { Card, PageHead } from '../ui/page';
import { Empty, Failed, Loading, LoadingRows } from '../ui/states';

function Rejects({ source }: { source: Source }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const list = useInfiniteQuery({
    queryKey: ['rejects', ws(''), source.id],
    queryFn: ({ pageParam, signal }) => get<Page<Reject>>(ws(`/sources/${source.id}/rejects`), { limit: 50, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: 3000,
  });
  const rejects = list.data?.pages.flatMap((p) => p.data) ?? [];
  return (
    <Card title={t('sources.rejectsTitle')} hint={t('sources.rejectsHint')}>
      {list.isError ? (
        <Failed error={list.error} retry={() => list.refetch()} />
      ) : list.isPending ? (
        <LoadingRows rows={3} />
      ) : rejects.length === 0 ? (
        <Text px="md" pb="md" c="dimmed">
          {t('sources.noRejects')}
        </Text>
      ) : (
        <table className="kern-table">
          <tbody>
            {rejects.map((r) => (
              <tr key={r.number}>
                <td style={{ whiteSpace: 'nowrap' }}>{format.dateTime(r.at)}</td>
                <td>
                  <Text size="sm" fw={560}>
                    {r.detail ?? r.reason}
                  </Text>
                  <Code block mt={4} className="kern-code" aria-label={t('sources.sample')}>
                    {typeof r.sample === 'string' ? r.sample : JSON.stringify(r.sample, null, 2)}
                  </Code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

export function SourcePage({ id }: { id: string }) {
  const { t } = useTranslation();
  const ws = useWs();
  const { caller } = useSession();
  const source = useQuery({ queryKey: ['source', ws(''), id], queryFn: ({ signal }) => get<Source>(ws(`/sources/${encodeURIComponent(id)}`), {}, signal), refetchInterval: 3000 });
  const back = (
    <Anchor component={Link} href="/sources" size="sm">
      <Group gap={2} component="span">
        <IconChevronLeft size={16} aria-hidden /> {t('sources.back')}
      </Group>
    </Anchor>
  );
  if (source.isError) {
    const missing = source.error instanceof ApiError && source.error.status === 404;
    return (
      <>
        {back}
        {missing ? <Empty title={t('sources.notFound')} /> : <Failed error={source.error} retry={() => source.refetch()} />}
      </>
    );
  }
  if (source.isPending) return <Loading />;
  const mayDebug = caller.permissions.includes('sources');
  return (
    <>
      {back}
      <PageHead title={source.data.name} lead={t(`sources.kinds.${source.data.kind}`, { defaultValue: source.data.kind })} />
      <Stack gap="md">
        <Check source={source.data} now={Date.now()} />
        {mayDebug && <Live source={source.data} />}
        {source.data.write_keys.length > 0 && (
          <Card title={t('sources.connect')} hint={t('sources.connectHint')}>
            <Connect source={source.data} />
          </Card>
        )}
        {mayDebug && <Rejects source={source.data} />}
      </Stack>
    </>
  );
}
