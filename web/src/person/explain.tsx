/** Why a query holds for somebody, or not: its conditions as a tree, each with its value. */
import { Badge, Group, Text } from '@mantine/core';
import { IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import { useFormat } from '../format';
import { isAnd, isNot, isOr, type Node } from '../segments/tree';
import { useWs } from '../session';
import { Failed, LoadingRows } from '../ui/states';
import { Value } from './facts';
import { conditionText } from './sentence';

interface Explained {
  and?: Explained[];
  or?: Explained[];
  not?: Explained;
  condition?: string;
  value?: unknown;
  rows?: number;
  rows_in_window?: number;
  truth: boolean;
  next_change_at: string | null;
}

interface Explanation {
  truth: boolean;
  next_change_at: string | null;
  now: string;
  tree: Explained;
}

/** The parts of the query's own tree, in the same order. */
const partsOf = (node?: Node): Node[] => (!node ? [] : isAnd(node) ? node.and : isOr(node) ? node.or : isNot(node) ? [node.not] : []);

function Truth({ truth }: { truth: boolean }) {
  const { t } = useTranslation();
  const Icon = truth ? IconCircleCheck : IconCircleX;
  return (
    <Badge color={truth ? 'kern' : 'gray'} leftSection={<Icon size={13} aria-hidden />}>
      {t(`explain.${truth}`)}
    </Badge>
  );
}

function Condition({ node, own }: { node: Explained; own?: Node }) {
  const { t } = useTranslation();
  const format = useFormat();
  const sentence = own && conditionText(t, own);
  return (
    <>
      <Text size="sm" component="div" style={{ overflowWrap: 'anywhere' }}>
        <bdi>{sentence ?? node.condition}</bdi>
      </Text>
      <Group gap="xs" mt={2}>
        <Truth truth={node.truth} />
        <Text size="xs" c="dimmed" component="span" style={{ overflowWrap: 'anywhere' }}>
          {node.value === null || node.value === undefined ? (
            t('explain.noValue')
          ) : (
            <>
              {t('explain.value', { value: '' })}
              <Value value={own && 'left' in own && own.left.consent ? t(`consent.${String(node.value)}`) : node.value} />
            </>
          )}
          {node.rows !== undefined && node.rows_in_window !== undefined && ` · ${t('explain.rows', { count: node.rows, total: format.number(node.rows_in_window) })}`}
        </Text>
      </Group>
    </>
  );
}

function Branch({ node, own }: { node: Explained; own?: Node }) {
  const { t } = useTranslation();
  const kids = node.and ?? node.or ?? (node.not ? [node.not] : undefined);
  if (!kids) return <Condition node={node} own={own} />;
  const parts = partsOf(own);
  return (
    <>
      <Group gap="xs">
        <Text size="sm" fw={560}>
          {t(node.and ? 'explain.all' : node.or ? 'explain.any' : 'explain.not')}
        </Text>
        <Truth truth={node.truth} />
      </Group>
      <ul className="kern-why">
        {kids.map((kid, i) => (
          <li key={i}>
            <Branch node={kid} own={parts[i]} />
          </li>
        ))}
      </ul>
    </>
  );
}

export function Explain({ query, profile, name }: { query: string; profile: string; name: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const answer = useQuery({ queryKey: ['explain', ws(''), query, profile], queryFn: () => post<Explanation>(ws('/segments/explain'), { query, profile }) });
  const parsed = useQuery({ queryKey: ['parsed', query], queryFn: () => post<{ tree: Node }>(ws('/query/parse'), { query }), staleTime: Infinity });
  if (answer.isError) return <Failed error={answer.error} retry={() => answer.refetch()} />;
  if (answer.isPending || parsed.isPending) return <LoadingRows rows={4} />;
  const { truth, next_change_at: next, tree } = answer.data;
  return (
    <div aria-live="polite">
      <Text fw={560} mb="xs" style={{ overflowWrap: 'anywhere' }}>
        {t(truth ? 'explain.in' : 'explain.out', { name: name.slice(0, 120) })}
      </Text>
      <ul className="kern-why">
        <li>
          <Branch node={tree} own={parsed.data?.tree} />
        </li>
      </ul>
      <Text size="sm" c="dimmed" mt="sm">
        {next ? t('explain.next', { when: format.ago(next), time: format.dateTime(next) }) : t('explain.never')}
      </Text>
    </div>
  );
}
