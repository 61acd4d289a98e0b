/** What the reports are set with: period, event, breakdown, segment. */
import { Autocomplete, Group, Select, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'wouter';
import { useCatalog } from '../segments/catalog';
import { PRESETS, usePeriod } from './period';

export function PeriodPicker() {
  const { t } = useTranslation();
  const period = usePeriod();
  const [, setParams] = useSearchParams();
  const set = (key: string) =>
    setParams(
      (now) => {
        const next = new URLSearchParams(now);
        next.set('period', key);
        next.delete('unit');
        return next;
      },
      { replace: true },
    );
  const [first, last] = period.key.split('~');
  const custom = last !== undefined;
  const lastDay = new Date(Date.parse(period.to) - 86_400_000).toISOString().slice(0, 10);
  return (
    <Group gap="xs">
      <Select
        w={170}
        aria-label={t('reports.period')}
        allowDeselect={false}
        data={[...PRESETS.map((p) => ({ value: p as string, label: t(`reports.periods.${p}`) })), { value: 'custom', label: t('reports.periods.custom') }]}
        value={custom ? 'custom' : period.key}
        onChange={(key) => set(key === 'custom' ? `${period.from}~${lastDay}` : (key ?? ''))}
      />
      {custom && (
        <>
          <TextInput type="date" aria-label={t('builder.from')} value={first} max={last} onChange={(e) => e.currentTarget.value && set(`${e.currentTarget.value}~${last}`)} />
          <TextInput type="date" aria-label={t('reports.until')} value={last} min={first} onChange={(e) => e.currentTarget.value && set(`${first}~${e.currentTarget.value}`)} />
        </>
      )}
    </Group>
  );
}

interface FieldProps {
  label: string;
  value: string;
  onChange: (next: string) => void;
  placeholder?: string;
}

export function EventInput({ label, value, onChange, placeholder }: FieldProps) {
  const { events } = useCatalog();
  return <Autocomplete w={{ base: '100%', xs: 230 }} label={label} placeholder={placeholder} data={events.map((e) => e.name)} value={value} onChange={onChange} openOnFocus />;
}

const SESSION = ['channel', 'campaign', 'source', 'medium', 'landing_page'];
const CONTEXT = ['device', 'browser', 'platform', 'country'];

/** By what the numbers are split; `event` adds its properties. */
interface BreakdownProps {
  event?: string;
  value: string;
  onChange: (next: string) => void;
  sessions?: boolean;
  label?: string;
}

export function BreakdownSelect({ event, value, onChange, sessions = true, label }: BreakdownProps) {
  const { t } = useTranslation();
  const catalog = useCatalog();
  const groups = [
    { group: t('reports.by.session'), items: sessions ? SESSION.map((s) => ({ value: `session:${s}`, label: t(`reports.session.${s}`) })) : [] },
    { group: t('reports.by.context'), items: CONTEXT.map((c) => ({ value: `context:${c}`, label: t(`reports.context.${c}`) })) },
    { group: t('reports.by.profile'), items: [{ value: 'phase', label: t('reports.phase') }, ...catalog.traits.map((f) => ({ value: `trait:${f.path}`, label: f.path }))] },
    { group: t('reports.by.property'), items: event ? catalog.properties(event).map((f) => ({ value: `property:${f.path}`, label: f.path })) : [] },
  ].filter((g) => g.items.length > 0);
  return <Select w={{ base: '100%', xs: 200 }} clearable searchable label={label ?? t('reports.breakdown')} placeholder={t('reports.noBreakdown')} data={groups} value={value || null} onChange={(next) => onChange(next ?? '')} clearButtonProps={{ 'aria-label': t('reports.noBreakdown') }} />;
}

interface SegmentProps {
  value: string;
  onChange: (next: string) => void;
  label?: string;
  placeholder?: string;
}

/** `placeholder` says what no segment means: everyone, unless told. */
export function SegmentSelect({ value, onChange, label, placeholder }: SegmentProps) {
  const { t } = useTranslation();
  const { segments } = useCatalog();
  return <Select w={{ base: '100%', xs: 200 }} clearable searchable label={label ?? t('reports.audience')} placeholder={placeholder ?? t('reports.everyone')} data={segments.map((s) => ({ value: s.key, label: s.name }))} value={value || null} onChange={(next) => onChange(next ?? '')} clearButtonProps={{ 'aria-label': placeholder ?? t('reports.everyone') }} />;
}
