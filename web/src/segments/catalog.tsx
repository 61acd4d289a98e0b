/** What the workspace knows, for suggestions: events, properties, traits, segments. */
import { useQuery } from '@tanstack/react-query';
import { createContext, useContext, useMemo, type ReactNode } from 'react';
import { get } from '../api/client';
import type { Page, Segment } from '../api/types';
import { useWs } from '../session';

export interface Field {
  path: string;
  types: string[];
  examples: string[];
}

interface ApiField {
  path: string;
  types: string[];
  examples: (string | number | boolean)[];
}

interface ApiEvent {
  event: string;
  properties: ApiField[];
}

export interface Catalog {
  events: { name: string }[];
  properties: (event: string) => Field[];
  traits: Field[];
  segments: Segment[];
}

const NOTHING: Catalog = { events: [], properties: () => [], traits: [], segments: [] };
const CatalogContext = createContext<Catalog>(NOTHING);
export const useCatalog = () => useContext(CatalogContext);

const field = (f: ApiField): Field => ({ ...f, examples: [...new Set(f.examples.map(String))] });

export function CatalogProvider({ children }: { children: ReactNode }) {
  const ws = useWs();
  const events = useQuery({ queryKey: ['catalog-events', ws('')], queryFn: ({ signal }) => get<{ data: ApiEvent[] }>(ws('/catalog/events'), {}, signal), staleTime: 60_000 });
  const traits = useQuery({ queryKey: ['catalog-traits', ws('')], queryFn: ({ signal }) => get<{ data: ApiField[] }>(ws('/catalog/traits'), {}, signal), staleTime: 60_000 });
  const segments = useQuery({ queryKey: ['segments', ws('')], queryFn: ({ signal }) => get<Page<Segment>>(ws('/segments'), { limit: 1000 }, signal) });
  const catalog = useMemo<Catalog>(
    () => ({
      events: (events.data?.data ?? []).map((e) => ({ name: e.event })),
      properties: (name) => (events.data?.data.find((e) => e.event === name)?.properties ?? []).map(field),
      traits: (traits.data?.data ?? []).map(field),
      segments: segments.data?.data ?? [],
    }),
    [events.data, traits.data, segments.data],
  );
  return <CatalogContext.Provider value={catalog}>{children}</CatalogContext.Provider>;
}
