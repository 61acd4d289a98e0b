/** Destinations as the API shows them, and what the pages share of them. */
import { Badge } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Caller } from '../api/types';

export interface Destination {
  id: string;
  name: string;
  kind: 'webhook';
  url: string;
  purpose: string;
  segments: string[];
  fields: string[];
  enabled: boolean;
  status: 'active' | 'building' | 'failing' | 'off' | 'gone' | 'refused';
  audiences: { segment: string; ready: boolean; size: number }[];
  secret?: string;
  statistics: {
    delivered: number;
    failed_tries: number;
    withheld: number;
    missed: number;
    dropped: number;
    waiting: number;
    dead_letters: number;
    last_delivered_at?: string;
    last_failed_at?: string;
    last_status?: number;
    last_error?: string;
  };
  created_at: string;
  updated_at: string;
  secret_rotated_at?: string;
}

export interface DeadLetter {
  id: string;
  webhook_id: string;
  segment: string;
  change: 'entered' | 'exited';
  profile?: string;
  at: string;
  tries: number;
  last_tried_at: string;
  status?: number;
  error?: string;
}

export const PURPOSES = ['service', 'marketing_email', 'marketing_sms', 'marketing_push', 'marketing_phone', 'marketing_post', 'personalisation', 'analytics', 'advertising'] as const;

/** Who may take persons out of Kern. */
export const mayExport = (caller: Caller) => caller.permissions.includes('export');

const COLORS = { active: 'kern', building: 'gray', failing: 'apricot', off: 'gray', gone: 'red', refused: 'red' } as const;

export function DestinationStatus({ status }: { status: Destination['status'] }) {
  const { t } = useTranslation();
  return <Badge color={COLORS[status]}>{t(`destinations.is.${status}`)}</Badge>;
}
