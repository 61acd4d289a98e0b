/** Requests and answers of the reports (docs/reports.md). */

export type Value = string | number | boolean | null;
export type Unit = 'hour' | 'day' | 'week' | 'month';
export type Measure = 'events' | 'profiles' | 'sum' | 'average';

/** One of its members is given. */
export interface Breakdown {
  trait?: string;
  property?: string;
  context?: string;
  session?: string;
  phase?: boolean;
}

interface Answer {
  warnings: { pointer: string; detail: string }[];
  now: string;
  took_ms: number;
}

export interface SeriesReport extends Answer {
  starts: string[];
  groups: { value: Value; points: (number | null)[] }[];
  groups_left_out: number;
}

export interface FunnelStep {
  profiles: number;
  rate: number | null;
  median_seconds_from_previous: number | null;
}

export interface FunnelReport extends Answer {
  steps: FunnelStep[];
  groups?: { value: Value; steps: FunnelStep[] }[];
  groups_left_out?: number;
}

export interface Cohort {
  start: string;
  size: number;
  returned: (number | null)[];
}

export interface RetentionReport extends Answer {
  cohorts: Cohort[];
  groups?: { value: Value; cohorts: Cohort[] }[];
  groups_left_out?: number;
}

export interface PathsReport extends Answer {
  profiles: number;
  paths: { events: string[]; profiles: number; share: number }[];
  paths_left_out: number;
}

export interface OverlapReport extends Answer {
  everyone: number;
  in_none: number;
  sets: { segments: string[]; profiles: number; only: number }[];
}

export interface CompareReport extends Answer {
  segment: number;
  everyone: number;
  values: { value: Value; segment: number; segment_share: number | null; everyone: number; everyone_share: number | null; index: number | null }[];
  groups_left_out: number;
}

export interface FavouritesReport extends Answer {
  values: { value: Value; first: number; second: number; third: number }[];
  groups_left_out: number;
}

export interface CustomerGroup {
  group: string;
  profiles: number;
  share: number | null;
  orders: number;
  revenue: { currency: string; amount: number }[];
  average_order_value: number | null;
  share_of_revenue: number | null;
}

export interface CustomerGroups extends Answer {
  profiles: number;
  groups: CustomerGroup[];
  scores?: { recency: number; frequency: number; monetary: number; profiles: number }[];
}

/** What a report asks, whatever its kind; `cell` picks one number of it. */
export type Request = Record<string, unknown>;
