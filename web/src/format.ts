/** Numbers, money and times in the reader's language and the workspace's time zone. */
import { useTranslation } from 'react-i18next';
import { useSession } from './session';

const locales: Record<string, string> = { nl: 'nl-NL', en: 'en-GB' };

export function useFormat() {
  const { i18n } = useTranslation();
  const { workspace } = useSession();
  const locale = locales[i18n.language] ?? 'en-GB';
  const zone = workspace.time_zone;
  const number = new Intl.NumberFormat(locale);
  const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short', timeZone: zone });
  const day = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', timeZone: zone });
  const date = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric', timeZone: zone });
  const time = new Intl.DateTimeFormat(locale, { timeStyle: 'short', timeZone: zone });
  const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'medium', timeZone: zone });
  const shortDate = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', timeZone: zone });
  const month = new Intl.DateTimeFormat(locale, { month: 'short', year: 'numeric', timeZone: zone });
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
  const change = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0, signDisplay: 'exceptZero' });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const now = () => Math.max(Date.now(), Date.parse(workspace.now));
  return {
    number: (value: number) => number.format(value),
    money: (amount: number, currency: string) => money(locale, amount, currency),
    dateTime: (iso: string) => dateTime.format(new Date(iso)),
    day: (iso: string) => day.format(new Date(iso)),
    date: (iso: string) => date.format(new Date(iso)),
    time: (iso: string) => time.format(new Date(iso)),
    clock: (iso: string) => clock.format(new Date(iso)),
    shortDate: (iso: string) => shortDate.format(new Date(iso)),
    month: (iso: string) => month.format(new Date(iso)),
    percent: (share: number) => percent.format(share),
    change: (share: number) => change.format(share),
    duration: (seconds: number) => duration(locale, seconds),
    ago: (iso: string) => ago(relative, Date.parse(iso) - now()),
  };
}

function money(locale: string, amount: number, currency: string) {
  try {
    return new Intl.NumberFormat(locale, { style: 'currency', currency }).format(amount);
  } catch {
    return `${currency} ${amount}`; // not a currency Intl knows
  }
}

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365.25 * 86400e3],
  ['month', 30.44 * 86400e3],
  ['day', 86400e3],
  ['hour', 3600e3],
  ['minute', 60e3],
];

function ago(relative: Intl.RelativeTimeFormat, ms: number) {
  for (const [unit, size] of UNITS) {
    if (Math.abs(ms) >= size) return relative.format(Math.trunc(ms / size), unit);
  }
  return relative.format(0, 'second');
}

/** In the largest unit that fits: 3 hours, 2.5 days. */
function duration(locale: string, seconds: number) {
  const [unit, size] = ([['day', 86400], ['hour', 3600], ['minute', 60]] as const).find(([, s]) => seconds >= s) ?? (['second', 1] as const);
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 1 }).format(seconds / size);
}
