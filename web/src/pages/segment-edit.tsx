/** Make or change a segment: in sentences or as text, with its size while one types. */
import { Alert, Anchor, Button, Group, SegmentedControl, Skeleton, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { notifications } from '@mantine/notifications';
import { IconChevronLeft } from '@tabler/icons-react';
import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'wouter';
import { ApiError, call, get, post } from '../api/client';
import type { Preview, Segment } from '../api/types';
import { useFormat } from '../format';
import { GroupEditor } from '../segments/builder';
import { CatalogProvider } from '../segments/catalog';
import { keyOf } from '../segments/key';
import { allComplete, toGroup, toNode, type Group as Tree, type Node } from '../segments/tree';
import { TEMPLATES } from '../segments/templates';
import { useWs } from '../session';
import { Card, PageHead } from '../ui/page';
import { ProfileName } from '../ui/profile-link';
import { Empty, Failed, Loading } from '../ui/states';

const EMPTY: Tree = { id: 0, join: 'and', negated: false, items: [] };

/** The text of the tree, or undefined while it is not complete. */
function useText(tree: Tree) {
  const ws = useWs();
  const node = allComplete(tree) ? toNode(tree) : undefined;
  const present = JSON.stringify(node);
  const [wanted] = useDebouncedValue(present, 120);
  const formatted = useQuery({
    queryKey: ['format', wanted],
    queryFn: () => post<{ query: string }>(ws('/query/format'), { tree: JSON.parse(wanted!) as Node }),
    enabled: wanted !== undefined,
    staleTime: Infinity,
  });
  return wanted === present ? formatted.data?.query : undefined; // never the text of a tree before this one
}

function Size({ query }: { query?: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const [wanted] = useDebouncedValue(query, 150);
  const preview = useQuery({
    queryKey: ['preview', ws(''), wanted],
    queryFn: () => post<Preview>(ws('/segments/preview'), { query: wanted }),
    enabled: !!wanted,
    placeholderData: keepPreviousData,
  });
  return (
    <Card title={t('segments.preview')}>
      <Stack px="md" pb="md" gap="sm" aria-live="polite">
        {!wanted ? (
          <Text c="dimmed">{t('segments.previewHint')}</Text>
        ) : preview.isError ? (
          <Text c="red" size="sm">
            {preview.error.message}
          </Text>
        ) : preview.isPending ? (
          <Skeleton h={42} w={120} />
        ) : (
          <>
            <div>
              <Text fz={34} fw={660} lh={1.1} style={{ fontVariantNumeric: 'tabular-nums' }}>
                {format.number(preview.data.size)}
              </Text>
              <Text size="sm" c="dimmed">
                {t('segments.people', { count: preview.data.size })} · {t('segments.took', { ms: Math.round(preview.data.took_ms) })}
              </Text>
            </div>
            {Object.keys(preview.data.eligible ?? {}).length > 0 && (
              <table className="kern-table">
                <tbody>
                  {Object.entries(preview.data.eligible).map(([purpose, count]) => (
                    <tr key={purpose}>
                      <th scope="row">{t(`purpose.${purpose}`, { defaultValue: purpose })}</th>
                      <td className="number">{format.number(count)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            )}
            {preview.data.sample.length > 0 && (
              <Stack gap={4}>
                <Text size="sm" fw={560}>
                  {t('segments.sample')}
                </Text>
                {preview.data.sample.slice(0, 8).map((id) => (
                  <ProfileName key={id} id={id} />
                ))}
              </Stack>
            )}
          </>
        )}
      </Stack>
    </Card>
  );
}

function Editor({ segment, start }: { segment?: Segment; start: Tree }) {
  const { t } = useTranslation();
  const ws = useWs();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [name, setName] = useState(segment?.name ?? '');
  const [description, setDescription] = useState(segment?.description ?? '');
  const [mode, setMode] = useState<'builder' | 'text'>('builder');
  const [tree, setTree] = useState(start);
  const [text, setText] = useState(segment?.query ?? '');
  const formatted = useText(tree);
  const query = mode === 'text' ? text.trim() || undefined : tree.items.length > 0 ? formatted : undefined;

  const parse = useMutation({ mutationFn: (q: string) => post<{ tree: Node }>(ws('/query/parse'), { query: q }) });
  const save = useMutation({
    mutationFn: () => {
      const body = { name: name.trim(), description: description.trim(), query };
      return segment ? call<Segment>('PUT', ws(`/segments/${encodeURIComponent(segment.key)}`), { body }) : post<Segment>(ws('/segments'), { ...body, key: keyOf(name) });
    },
    onSuccess: (saved) => {
      void client.invalidateQueries({ queryKey: ['segments'] });
      void client.invalidateQueries({ queryKey: ['segment'] });
      notifications.show({ message: t('segments.saved', { name: saved.name }) });
      navigate(`/segments/${encodeURIComponent(saved.key)}`);
    },
  });
  const toMode = (next: string) => {
    if (next === 'text') {
      setText(formatted ?? text);
      setMode('text');
    } else if (text.trim() === '') {
      setTree(EMPTY);
      setMode('builder');
    } else {
      parse.mutate(text, {
        onSuccess: (r) => {
          setTree(toGroup(r.tree));
          setMode('builder');
        },
      });
    }
  };
  const problem = save.error ?? (mode === 'text' ? parse.error : null);
  const at = problem instanceof ApiError ? problem.problem.errors?.[0]?.position : undefined;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <div className="kern-columns">
        <Stack gap="md">
          <Card>
            <Stack p="md" gap="sm">
              <TextInput label={t('segments.name')} value={name} onChange={(e) => setName(e.currentTarget.value)} required maxLength={200} description={segment ? segment.key : name ? keyOf(name) : undefined} />
              <TextInput label={t('segments.description')} value={description} onChange={(e) => setDescription(e.currentTarget.value)} maxLength={1000} />
            </Stack>
          </Card>
          <Card
            title={t('segments.who')}
            actions={
              <SegmentedControl
                size="xs"
                value={mode}
                onChange={toMode}
                data={[
                  { value: 'builder', label: t('segments.asBuilder') },
                  { value: 'text', label: t('segments.asText') },
                ]}
              />
            }
          >
            <Stack px="md" pb="md" gap="sm">
              {mode === 'builder' ? (
                <GroupEditor group={tree} onChange={setTree} />
              ) : (
                <Textarea autosize minRows={4} spellCheck={false} classNames={{ input: 'kern-code' }} aria-label={t('segments.asText')} value={text} onChange={(e) => setText(e.currentTarget.value)} />
              )}
              {problem && (
                <Alert color="red" role="alert">
                  {problem.message}
                  {at !== undefined && mode === 'text' && <pre className="kern-code">{`${text.slice(Math.max(0, at - 30), at)}▸${text.slice(at, at + 30)}`}</pre>}
                </Alert>
              )}
            </Stack>
          </Card>
          <Group>
            <Button type="submit" loading={save.isPending} disabled={!query || !name.trim()}>
              {t('state.save')}
            </Button>
            <Button variant="default" component={Link} href={segment ? `/segments/${encodeURIComponent(segment.key)}` : '/segments'}>
              {t('state.cancel')}
            </Button>
          </Group>
        </Stack>
        <div className="kern-sticky">
          <Size query={query} />
        </div>
      </div>
    </form>
  );
}

function Templates({ onPick }: { onPick: (tree: Tree) => void }) {
  const { t } = useTranslation();
  return (
    <Card title={t('segments.templates')} hint={t('segments.templatesHint')}>
      <Group px="md" pb="md" gap="xs">
        <Button variant="light" onClick={() => onPick(EMPTY)}>
          {t('segments.blank')}
        </Button>
        {TEMPLATES.map(({ id, tree }) => (
          <Button key={id} variant="default" onClick={() => onPick(toGroup(tree))}>
            {t(`template.${id}`)}
          </Button>
        ))}
      </Group>
    </Card>
  );
}

const back = (href: string, label: string) => (
  <Anchor component={Link} href={href} size="sm">
    <Group gap={2} component="span">
      <IconChevronLeft size={16} aria-hidden /> {label}
    </Group>
  </Anchor>
);

export function NewSegmentPage() {
  const { t } = useTranslation();
  const [start, setStart] = useState<Tree | null>(null);
  return (
    <CatalogProvider>
      {back('/segments', t('segments.back'))}
      <PageHead title={t('segments.new')} />
      {start ? <Editor start={start} /> : <Templates onPick={setStart} />}
    </CatalogProvider>
  );
}

/** A list has no query: what can be changed here is what it is called. */
function RenameList({ segment }: { segment: Segment }) {
  const { t } = useTranslation();
  const ws = useWs();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [name, setName] = useState(segment.name);
  const [description, setDescription] = useState(segment.description ?? '');
  const path = `/segments/${encodeURIComponent(segment.key)}`;
  const save = useMutation({
    mutationFn: () => call<Segment>('PUT', ws(path), { body: { name: name.trim(), description: description.trim() } }),
    onSuccess: (saved) => {
      void client.invalidateQueries({ queryKey: ['segments'] });
      void client.invalidateQueries({ queryKey: ['segment'] });
      notifications.show({ message: t('segments.saved', { name: saved.name }) });
      navigate(path);
    },
  });
  return (
    <>
      {back(path, segment.name)}
      <PageHead title={t('segments.edit', { name: segment.name })} />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <Card>
          <Stack p="md" gap="sm" maw={640}>
            <TextInput label={t('segments.name')} value={name} onChange={(e) => setName(e.currentTarget.value)} required maxLength={200} description={segment.key} />
            <TextInput label={t('segments.description')} value={description} onChange={(e) => setDescription(e.currentTarget.value)} maxLength={1000} />
            {save.isError && (
              <Alert color="red" role="alert">
                {save.error.message}
              </Alert>
            )}
            <Group>
              <Button type="submit" loading={save.isPending} disabled={!name.trim()}>
                {t('state.save')}
              </Button>
              <Button variant="default" component={Link} href={path}>
                {t('state.cancel')}
              </Button>
            </Group>
          </Stack>
        </Card>
      </form>
    </>
  );
}

export function EditSegmentPage({ segmentKey }: { segmentKey: string }) {
  const { t } = useTranslation();
  const ws = useWs();
  const segment = useQuery({ queryKey: ['segment', ws(''), segmentKey], queryFn: ({ signal }) => get<Segment>(ws(`/segments/${encodeURIComponent(segmentKey)}`), {}, signal) });
  const [tree, setTree] = useState<Tree | null>(null);
  const query = segment.data?.query;
  const parsed = useQuery({ queryKey: ['parse', query], queryFn: () => post<{ tree: Node }>(ws('/query/parse'), { query }), enabled: !!query, staleTime: Infinity });
  useEffect(() => {
    if (parsed.data && !tree) setTree(toGroup(parsed.data.tree));
  }, [parsed.data, tree]);
  if (segment.isError) return segment.error instanceof ApiError && segment.error.status === 404 ? <Empty title={t('segments.notFound')} /> : <Failed error={segment.error} retry={() => segment.refetch()} />;
  if (parsed.isError) return <Failed error={parsed.error} />;
  if (segment.data?.kind === 'static') return <RenameList segment={segment.data} />;
  if (segment.isPending || !tree) return <Loading />;
  return (
    <CatalogProvider>
      {back(`/segments/${encodeURIComponent(segmentKey)}`, segment.data.name)}
      <PageHead title={t('segments.edit', { name: segment.data.name })} />
      <Editor segment={segment.data} start={tree} />
    </CatalogProvider>
  );
}
