/** Rows of names and values, and values that are too long to show at once. */
import { Code, Text, UnstyledButton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { get } from '../api/client';
import type { Page, Source } from '../api/types';
import { useFormat } from '../format';
import { useWs } from '../session';

const FOLD = 240;

export function Facts({ rows }: { rows: [ReactNode, ReactNode][] }) {
  return (
    <table className="kern-table">
      <tbody>
        {rows.map(([name, value], i) => (
          <tr key={i}>
            <th scope="row" className="kern-fact">
              {name}
            </th>
            <td style={{ overflowWrap: 'anywhere' }}>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A text as it is, its beginning when it is very long. Each is its own piece of text direction. */
export function Folded({ text }: { text: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [open, setOpen] = useState(false);
  if (text.length <= FOLD) return <bdi>{text}</bdi>;
  return (
    <>
      <bdi>{open ? text : `${text.slice(0, FOLD)} …`}</bdi>{' '}
      <UnstyledButton className="kern-number" fz="xs" onClick={() => setOpen(!open)} aria-expanded={open}>
        {open ? t('person.showLess') : t('person.showAll', { size: format.number(text.length) })}
      </UnstyledButton>
    </>
  );
}

export function Value({ value }: { value: unknown }) {
  if (typeof value === 'object' && value !== null)
    return (
      <Code className="kern-code">
        <Folded text={JSON.stringify(value)} />
      </Code>
    );
  return <Folded text={String(value)} />;
}

export const textOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

/** Sources by their name. */
export function useSourceName() {
  const { t } = useTranslation();
  const ws = useWs();
  const sources = useQuery({ queryKey: ['sources', ws('')], queryFn: ({ signal }) => get<Page<Source>>(ws('/sources'), { limit: 1000 }, signal), staleTime: 60_000 });
  return (id: string) => (id === 'kern' ? t('person.byPerson') : (sources.data?.data.find((s) => s.id === id)?.name ?? id));
}

export function Quiet({ children }: { children: ReactNode }) {
  return (
    <Text px="md" pb="md" c="dimmed">
      {children}
    </Text>
  );
}
