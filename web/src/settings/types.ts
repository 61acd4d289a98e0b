/** Shapes of the answers about accounts, as openapi.json has them. */
import type { Permission, Role } from '../api/types';

export interface User {
  id: string;
  email: string;
  name: string;
  role: Role;
  workspace: string | null;
  export: boolean;
  second_factor: boolean;
  status: 'active' | 'invited' | 'disabled';
  created_at: string;
  signed_in_at?: string;
  invite?: string;
  mailed?: boolean;
}

export interface Token {
  id: string;
  name: string;
  role: Role;
  scopes: Permission[];
  workspace: string | null;
  created_at: string;
  last_used_at?: string;
  token?: string;
}

export interface OwnSession {
  id: string;
  address: string;
  browser: string;
  platform: string;
  created_at: string;
  until: string;
  present: boolean;
}

export interface Mail {
  enabled: boolean;
  host: string;
  port: number;
  tls: 'none' | 'starttls' | 'tls';
  user: string;
  has_password: boolean;
  from: string;
  url: string;
  language: 'nl' | 'en';
  waiting: number;
  failed_at?: string;
  error?: string;
}

export const AUDIT_KINDS = ['access', 'change', 'view', 'export'] as const;

export interface AuditEntry {
  number: number;
  at: string;
  kind: (typeof AUDIT_KINDS)[number];
  action: string;
  actor: string;
  name: string;
  workspace: string | null;
  subject: string;
  address: string;
  refused: boolean;
  count: number;
  profiles: string[];
}
