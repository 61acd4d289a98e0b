/** The profiles behind a number, in a drawer. */
import { Button, Drawer, Group, Stack, Text, TextInput, UnstyledButton } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconListDetails } from '@tabler/icons-react';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { createContext, useContext, useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'wouter';
import { post } from '../api/client';
import type { Page, Segment } from '../api/types';
import { useFormat } from '../format';
import { keyOf } from '../segments/key';
import { useWs } from '../session';
import { ProfileName } from '../ui/profile-link';
import { Failed, LoadingRows } from '../ui/states';
import type { Request } from './types';

export interface Drill {
  title: string;
  kind: string;
  body: Request;
}

const DrillContext = createContext<(drill: Drill) => void>(() => undefined);
export const useDrill = () => useContext(DrillContext);

type Answer = Page<{ id: string }> & { size: number };

/** The people behind the number, kept as a list. */
function SaveAs({ drill, size }: { drill: Drill; size: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [name, setName] = useState<string | null>(null);
  const save = useMutation({
    mutationFn: () => post<{ segment: Segment }>(ws(`/reports/${drill.kind}/profiles`), { ...drill.body, save_as: { key: keyOf(name!), name: name!.trim() } }),
    onSuccess: ({ segment }) => {
      void client.invalidateQueries({ queryKey: ['segments'] });
      notifications.show({ message: t('lists.saved', { name: segment.name }) });
      navigate(`/segments/${encodeURIComponent(segment.key)}`);
    },
  });
  if (name === null)
    return (
      <Button variant="light" size="xs" mb="md" leftSection={<IconListDetails size={16} aria-hidden />} onClick={() => setName(`${drill.title} ${format.date(new Date().toISOString())}`)}>
        {t('lists.saveThese')}
      </Button>
    );
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Stack gap="xs" mb="md">
        <TextInput label={t('lists.nameOf', { count: size, size: format.number(size) })} value={name} onChange={(e) => setName(e.currentTarget.value)} required maxLength={200} autoFocus />
        {save.isError && (
          <Text size="sm" c="red" role="alert">
            {save.error.message}
          </Text>
        )}
        <Group gap="xs">
          <Button type="submit" size="xs" loading={save.isPending} disabled={!keyOf(name)}>
            {t('state.save')}
          </Button>
          <Button size="xs" variant="default" onClick={() => setName(null)}>
            {t('state.cancel')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Profiles({ drill }: { drill: Drill }) {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const list = useInfiniteQuery({
    queryKey: ['behind', ws(''), drill.kind, drill.body],
    queryFn: ({ pageParam }) => post<Answer>(ws(`/reports/${drill.kind}/profiles`), drill.body, { limit: 30, cursor: pageParam }),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
  });
  if (list.isError) return <Failed error={list.error} retry={() => list.refetch()} />;
  if (list.isPending) return <LoadingRows rows={6} />;
  const size = list.data.pages[0]!.size;
  return (
    <>
      <Text c="dimmed" mb="sm" role="status">
        {t('reports.behind', { count: size, size: format.number(size) })}
      </Text>
      {size > 0 && <SaveAs key={JSON.stringify(drill.body)} drill={drill} size={size} />}
      <ul className="kern-people">
        {list.data.pages.flatMap((page) => page.data.map(({ id }) => <li key={id}>{<ProfileName id={id} />}</li>))}
      </ul>
      {list.hasNextPage && (
        <Group mt="md">
          <Button variant="light" loading={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
            {t('state.more')}
          </Button>
        </Group>
      )}
    </>
  );
}

export function DrillProvider({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const [drill, setDrill] = useState<Drill | null>(null);
  const [open, setOpen] = useState(false);
  const show = useMemo(
    () => (next: Drill) => {
      setDrill(next);
      setOpen(true);
    },
    [],
  );
  return (
    <DrillContext.Provider value={show}>
      {children}
      <Drawer opened={open} onClose={() => setOpen(false)} position="right" size={420} title={drill?.title} closeButtonProps={{ 'aria-label': t('state.close') }}>
        {drill && <Profiles drill={drill} />}
      </Drawer>
    </DrillContext.Provider>
  );
}

/** A number that opens the profiles behind it. */
export function DrillNumber({ drill, value, children }: { drill: Drill; value: number | null; children: ReactNode }) {
  const show = useDrill();
  if (!value) return <>{children}</>;
  return (
    <UnstyledButton className="kern-number" onClick={() => show(drill)} title={drill.title}>
      {children}
    </UnstyledButton>
  );
}
