import type { Profile } from './api/types';

const text = (value: unknown) => (typeof value === 'string' || typeof value === 'number' ? String(value).trim() : '');

export const identifierOf = (p: Profile, type: string) => p.identifiers.find((i) => i.type === type)?.value;

export const isKnown = (p: Profile) => p.identifiers.some((i) => i.type === 'user_id' || i.type === 'email' || i.type === 'phone');

/** What to call somebody; undefined: there is nothing to call them by. */
export function nameOf(p: Profile): string | undefined {
  const t = p.traits;
  const first = text(t.firstName ?? t.first_name);
  const last = text(t.lastName ?? t.last_name);
  return text(t.name) || [first, last].filter(Boolean).join(' ') || identifierOf(p, 'email') || identifierOf(p, 'user_id') || undefined;
}
