/** One person as a file: everything there is, or rows for a spreadsheet. */
import { get } from '../api/client';
import type { KernEvent, Page, Profile } from '../api/types';
import type { Cell } from '../reports/csv';
import { textOf } from './facts';
import type { GivenConsent, Order, SeenTrait, Session } from './types';

async function everything<T>(path: string): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<T> = await get<Page<T>>(path, { limit: 1000, cursor });
    all.push(...page.data);
    cursor = page.next;
  } while (cursor);
  return all;
}

export async function wholePerson(base: string) {
  const profile = await get<Profile>(base);
  return {
    profile,
    traits: (await get<Page<SeenTrait>>(`${base}/traits`)).data,
    consents: await everything<GivenConsent>(`${base}/consents`),
    orders: await everything<Order>(`${base}/orders`),
    sessions: await everything<Session>(`${base}/sessions`),
    events: await everything<KernEvent>(`${base}/events`),
  };
}

type Whole = Awaited<ReturnType<typeof wholePerson>>;

export function rowsOf(w: Whole): Cell[][] {
  return [
    ['kind', 'name', 'value', 'at', 'source'],
    ...w.profile.identifiers.map((i): Cell[] => ['identifier', i.type, i.value, i.first_seen_at, i.source]),
    ...w.traits.map((x): Cell[] => ['trait', x.key, textOf(x.value), x.at, x.source]),
    ...Object.entries(w.profile.computed).map(([key, value]): Cell[] => ['computed trait', key, textOf(value), null, null]),
    ...w.profile.segments.map((s): Cell[] => ['segment', s.key, null, s.since, null]),
    ...w.consents.map((c): Cell[] => ['consent', c.purpose, c.state, c.at, c.source]),
    ...w.orders.map((o): Cell[] => ['order', o.order_id, `${o.net} ${o.currency}`, o.at, o.sources.join(' ')]),
    ...w.sessions.map((s): Cell[] => ['session', s.channel, s.landing_page, s.started_at, null]),
    ...w.events.map((e): Cell[] => ['event', e.event ?? e.type, JSON.stringify(e.properties), e.timestamp, e.source]),
  ];
}
