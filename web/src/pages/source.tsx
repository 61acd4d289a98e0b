import { Anchor, Code, Group, Stack, Tabs, Text } from '@mantine/core';
import { IconChevronLeft } from '@tabler/icons-react';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { ApiError, get } from '../api/client';
import type { Page, Reject, Source } from '../api/types';
import { useFormat } from '../format';
import { useSession, useWs } from '../session';
import { snippets } from '../snippets';
import { Copy } from '../ui/copy';
import { Card, PageHead } from '../ui/page';
import { Empty, Failed, Loading, LoadingRows } from '../ui/states';

function Connect({ source }: { source: Source }) {
  const { t } = useTranslation();
  const key = source.write_keys[0];
  if (!key) return null;
  const all = snippets(location.origin, key);
  return (
    <Card title={t('sources.connect')} hint={t('sources.connectHint')}>
      <Stack px="md" pb="md" gap="sm">
        <Group gap="xs">
          <Text size="sm">{t('sources.key')}</Text>
          <Code>{key}</Code>
          <Copy text={key} />
        </Group>
        <Tabs defaultValue={all[0]!.id}>
          <Tabs.List>
            {all.map((s) => (
              <Tabs.Tab key={s.id} value={s.id}>
                {s.name}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          {all.map((s) => (
            <Tabs.Panel key={s.id} value={s.id} pt="sm">
              <Group align="start" wrap="nowrap">
                <Code block className="kern-code" flex={1}>
                  {s.code}
                </Code>
                <Copy text={s.code} />
              </Group>
            </Tabs.Panel>
          ))}
        </Tabs>
      </Stack>
    </Card>
  );
}

function Rejects({ source }: { source: Source }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const list = useInfiniteQuery({
    queryKey: ['rejects', ws(''), source.id],
    queryFn: ({ pageParam, signal }) => get<Page<Reject>>(ws(`/sources/${source.id}/rejects`), { limit: 50, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: 10_000,
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
  const source = useQuery({ queryKey: ['source', ws(''), id], queryFn: ({ signal }) => get<Source>(ws(`/sources/${encodeURIComponent(id)}`), {}, signal) });
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
  const mayDebug = caller.role === 'developer' || caller.role === 'admin' || caller.role === 'owner';
  return (
    <>
      {back}
      <PageHead title={source.data.name} lead={t(`sources.kinds.${source.data.kind}`, { defaultValue: source.data.kind })} />
      <Stack gap="md">
        <Connect source={source.data} />
        {mayDebug && <Rejects source={source.data} />}
      </Stack>
    </>
  );
}
