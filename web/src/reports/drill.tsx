/** The profiles behind a number, in a drawer. */
import { Button, Drawer, Group, Text, UnstyledButton } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { createContext, useContext, useMemo, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { post } from '../api/client';
import type { Page } from '../api/types';
import { useFormat } from '../format';
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
