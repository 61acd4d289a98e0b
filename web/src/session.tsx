/** Who is signed in, and the workspace that is shown. */
import { useQuery } from '@tanstack/react-query';
import { createContext, useContext } from 'react';
import { ApiError, get } from './api/client';
import type { Caller, Page, Workspace } from './api/types';

export interface Session {
  caller: Caller;
  workspace: Workspace;
  workspaces: Workspace[];
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error('no session');
  return session;
}

/** The address of something in the workspace that is shown. */
export function useWs() {
  const { workspace } = useSession();
  return (path: string) => `/api/v1/workspaces/${encodeURIComponent(workspace.id)}${path}`;
}

/** null: nobody is signed in. */
export function useCaller() {
  return useQuery({
    queryKey: ['session'],
    queryFn: async () => {
      try {
        return await get<Caller>('/api/v1/session');
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) return null;
        throw error;
      }
    },
    staleTime: 60_000,
  });
}

export function useWorkspaces(enabled: boolean) {
  return useQuery({
    queryKey: ['workspaces'],
    queryFn: () => get<Page<Workspace>>('/api/v1/workspaces', { limit: 256 }),
    enabled,
  });
}
