/** Shapes of a person's lists, as openapi.json has them. */
import type { KernEvent } from '../api/types';

export interface SeenTrait {
  key: string;
  value: unknown;
  at: string;
  source: string;
}

export interface Order {
  order_id: string | null;
  at: string;
  state: 'placed' | 'cancelled' | 'refunded' | 'unknown';
  currency: string;
  amount: number | null;
  refunded: number;
  net: number;
  sources: string[];
}

export interface Session {
  started_at: string;
  ended_at: string;
  channel: string;
  source?: string;
  campaign?: string;
  landing_page?: string;
  device?: string;
  browser?: string;
  platform?: string;
  country?: string;
}

export interface Favourites {
  data: { of: 'brand' | 'category'; values: { value: string | number | boolean; points: number; events: number }[] }[];
}

export interface GivenConsent {
  purpose: string;
  state: 'granted' | 'denied' | 'unknown';
  basis: string;
  text_version?: string;
  at: string;
  source: string;
  message_id: string;
}

/** A note or correction in the timeline. */
export interface Note extends KernEvent {
  text?: string;
  by?: string;
  traits?: Record<string, unknown>;
}
