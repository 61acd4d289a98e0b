/** Breakdowns as one text, for selects and addresses: "session:channel". */
import type { Breakdown, Value } from './types';

export function breakdownOf(text: string): Breakdown | undefined {
  if (text === 'phase') return { phase: true };
  const at = text.indexOf(':');
  const name = text.slice(at + 1);
  if (at < 1 || name === '') return undefined;
  const kind = text.slice(0, at);
  return kind === 'trait' || kind === 'property' || kind === 'context' || kind === 'session' ? { [kind]: name } : undefined;
}

const NAMED: Record<string, string> = { 'session:channel': 'channel', 'context:device': 'device', phase: 'phase' };

/** A group in words; `t` as i18next gives it. */
export function groupName(breakdown: string, value: Value, t: (key: string, options?: { defaultValue: string }) => string): string {
  if (value === null) return t(breakdown.startsWith('session:') ? 'reports.noVisit' : 'reports.noValue');
  const names = NAMED[breakdown];
  return names ? t(`${names}.${String(value)}`, { defaultValue: String(value) }) : String(value);
}
