import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { post } from '../api/client';
import { useWs } from '../session';
import type { Request } from './types';

/** A report's answer; the one before stays while another is made. */
export function useReport<T>(kind: string, body: Request | undefined) {
  const ws = useWs();
  return useQuery({
    queryKey: ['report', ws(''), kind, body],
    queryFn: () => post<T>(ws(`/reports/${kind}`), body),
    enabled: body !== undefined,
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  });
}
