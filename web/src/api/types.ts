/** Shapes of the API's answers, as openapi.json has them. */

export interface Page<T> {
  data: T[];
  next: string | null;
}

export const ROLES = ['analyst', 'marketer', 'developer', 'admin', 'owner'] as const;
export type Role = (typeof ROLES)[number];
export const PERMISSIONS = ['read', 'personal', 'segments', 'sources', 'export', 'admin'] as const;
export type Permission = (typeof PERMISSIONS)[number];

export interface Caller {
  id: string;
  name: string;
  role: Role;
  permissions: Permission[];
  workspace: string | null;
  by: 'session' | 'token';
  manual_clock: boolean;
}

export interface Workspace {
  id: string;
  name: string;
  time_zone: string;
  currency: string;
  now: string;
}

export interface Identifier {
  type: string;
  value: string;
}

export interface SeenIdentifier extends Identifier {
  first_seen_at: string;
  last_seen_at: string;
  source: string;
}

export interface Consent {
  purpose: string;
  state: 'granted' | 'denied' | 'unknown' | 'conflict';
  basis: string;
  text_version?: string;
  at: string;
  source: string;
  proof?: string;
}

export interface Touch {
  at: string;
  channel?: string;
  source?: string;
  medium?: string;
  campaign?: string;
  referrer?: string;
  landing_page?: string;
}

export interface Profile {
  id: string;
  created_at: string;
  first_seen_at: string;
  last_seen_at: string;
  identifiers: SeenIdentifier[];
  traits: Record<string, unknown>;
  computed: Record<string, unknown>;
  segments: { key: string; since: string }[];
  consents: Consent[];
  counters: {
    events: number;
    sessions: number;
    orders: number;
    revenue: { currency: string; amount: number }[];
  };
  first_touch?: Touch | null;
  last_touch?: Touch | null;
  devices?: { device: string; browser: string; platform: string; country?: string; last_seen_at: string }[];
  merged_ids: string[];
}

export interface KernEvent {
  message_id: string;
  type: string;
  event: string | null;
  timestamp: string;
  received_at: string;
  source: string;
  properties: Record<string, unknown>;
  context: Record<string, unknown>;
}

export interface Link {
  kind: 'created' | 'added' | 'merged' | 'refused' | 'ignored' | 'split' | 'split_off';
  by: 'person' | 'event';
  at: string;
  source: string;
  message_id: string;
  reason?: string;
  profile?: string;
  identifiers: Identifier[];
}

export interface Source {
  id: string;
  name: string;
  kind: string;
  party: 'zero' | 'first' | 'second' | 'third';
  write_keys: string[];
  purposes: string[];
  enabled: boolean;
  created_at?: string;
  statistics?: {
    events: number;
    duplicates: number;
    rejects: number;
    first_event_at?: string;
    last_event_at?: string;
  };
}

export interface Reject {
  number: number;
  at: string;
  reason: string;
  detail?: string;
  sample?: unknown;
}

export interface Segment {
  key: string;
  name: string;
  description?: string;
  kind: 'query' | 'static';
  query: string | null; // null of a list
  snapshot_of?: string;
  status: 'building' | 'ready' | 'failed';
  progress?: number;
  error?: string | null;
  size: number;
  created_at: string;
  updated_at: string;
}

export interface Preview {
  size: number;
  eligible: Record<string, number>;
  sample: string[];
  took_ms: number;
}

export interface Change {
  at: string;
  change: 'entered' | 'exited';
  profile?: string | null;
  cause: string;
  message_id?: string;
}
