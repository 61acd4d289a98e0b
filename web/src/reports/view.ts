/** What shows a report: with its settings, on its page or small on a dashboard. */
import type { Period } from './period';

export interface ViewProps<S extends Record<string, string>> {
  state: S;
  period: Period;
  /** On the report's own page: changes its settings. */
  change?: (next: Partial<S>) => void;
  /** On a dashboard: the chart, without its table and exports. */
  small?: boolean;
}

/** Shows more groups, as far as there are. */
export function more<S extends { top: string }>({ state, change }: Pick<ViewProps<S>, 'state' | 'change'>, next: number | undefined) {
  return change && next !== undefined ? () => change({ ...state, top: String(next) }) : undefined;
}
