/** A report's settings live in the address, so that a link shares the report. */
import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'wouter';

/** `fields` gives each text its default; what is at its default is not in the address. */
export function useReportState<K extends string>(fields: Record<K, string>): [Record<K, string>, (next: Partial<Record<K, string>>) => void] {
  const [params, setParams] = useSearchParams();
  const known = JSON.stringify(fields);
  const state = useMemo(() => {
    const texts = JSON.parse(known) as Record<K, string>;
    for (const key of Object.keys(texts) as K[]) texts[key] = params.get(key) ?? texts[key];
    return texts;
  }, [params, known]);
  const change = useCallback(
    (next: Partial<Record<K, string>>) =>
      setParams(
        (now) => {
          const defaults = JSON.parse(known) as Record<string, string>;
          const kept = new URLSearchParams(now);
          for (const [key, value] of Object.entries<string | undefined>(next)) {
            if (value === undefined || value === defaults[key]) kept.delete(key);
            else kept.set(key, value);
          }
          return kept;
        },
        { replace: true },
      ),
    [setParams, known],
  );
  return [state, change];
}
