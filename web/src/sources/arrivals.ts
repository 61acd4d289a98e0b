/** What a source sends, as it arrives: asked for again and again, each time only for what is new. */
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { get } from '../api/client';
import type { KernEvent, Page } from '../api/types';
import { useWs } from '../session';

export interface Arrival {
  outcome: 'accepted' | 'duplicate' | 'refused';
  number: string;
  at?: string;
  event?: KernEvent;
  refusal?: { reason: string; detail?: string; sample?: unknown };
  too_large?: boolean;
}

const KEPT = 200;
const EVERY_MS = 1500;

/** The newest first, at most 200. */
export function useArrivals(source: string | undefined) {
  const ws = useWs();
  const [kept, setKept] = useState<Arrival[]>([]);
  const newest = useRef<string | undefined>(undefined);
  useEffect(() => {
    newest.current = undefined;
    setKept([]);
  }, [source]);
  const poll = useQuery({
    queryKey: ['arrivals', ws(''), source],
    queryFn: async ({ signal }) => {
      const { data } = await get<Page<Arrival>>(ws(`/sources/${source}/arrivals`), { since: newest.current }, signal);
      if (data.length > 0) {
        newest.current = data[0]!.number;
        setKept((before) => [...data, ...before].slice(0, KEPT));
      }
      return data.length;
    },
    enabled: source !== undefined,
    refetchInterval: EVERY_MS,
    gcTime: 0,
  });
  return { arrivals: kept, poll };
}

export const textOfArrival = (a: Arrival) => JSON.stringify(a.event ?? a.refusal ?? '').toLowerCase();
