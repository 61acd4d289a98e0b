/** One condition as a sentence with blanks to fill in. */
import { ActionIcon, Autocomplete, Button, Group, NumberInput, Select, Stack, TagsInput, Text, TextInput } from '@mantine/core';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useCatalog } from './catalog';
import { kindOf, whereList, whereOf, type Compare, type Literal, type Unit, type Window } from './tree';

const UNITS: Unit[] = ['minute', 'hour', 'day', 'week', 'month', 'year'];
const DURING = ['today', 'yesterday', 'this week', 'last week', 'this month', 'last month', 'this quarter', 'last quarter', 'this year', 'last year'];
const NUMBER_OPS = ['at_least', 'at_most', 'equals', 'greater_than', 'less_than'];
export const VALUE_OPS = ['equals', 'differs', 'contains', 'omits', 'starts_with', 'ends_with', 'one_of', 'none_of', 'greater_than', 'at_least', 'less_than', 'at_most', 'exists', 'absent'];
const DATE_OPS = ['before_date', 'after_date', 'within_last', 'within_next', 'anniversary_within'];
const LISTS = new Set(['contains', 'omits', 'starts_with', 'ends_with', 'one_of', 'none_of']);
const BARE = new Set(['exists', 'absent']);
const PERIODS = new Set(['within_last', 'within_next', 'anniversary_within']);
const PURPOSES = ['service', 'analytics', 'personalisation', 'marketing_email', 'marketing_sms', 'marketing_push', 'marketing_phone', 'marketing_post', 'advertising'];
const IDENTIFIERS = ['email', 'phone', 'user_id', 'anonymous_id'];

interface Props {
  compare: Compare;
  onChange: (next: Compare) => void;
}

/** Text as the language reads it: 12 is a number, true a truth, all else a text. */
function literal(text: string): Literal {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  return text === 'true' ? true : text === 'false' ? false : text;
}

function withOp(compare: Compare, op: string): Compare {
  const { left } = compare;
  const kept = compare.value ?? compare.values?.[0] ?? '';
  if (BARE.has(op)) return { left, op };
  if (PERIODS.has(op)) return { left, op, period: compare.period ?? { count: 7, unit: 'day' } };
  if (LISTS.has(op)) return { left, op, values: compare.values ?? (kept === '' ? [] : [String(kept)]) };
  return { left, op, value: kept };
}

function ValueInput({ compare, onChange, suggestions }: Props & { suggestions: string[] }) {
  const { t } = useTranslation();
  if (BARE.has(compare.op)) return null;
  if (compare.period) {
    return (
      <>
        <NumberInput w={80} min={1} allowDecimal={false} aria-label={t('builder.amount')} value={compare.period.count} onChange={(v) => onChange({ ...compare, period: { ...compare.period!, count: Number(v) || 1 } })} />
        <Select w={120} aria-label={t('builder.unit')} allowDeselect={false} data={UNITS.map((u) => ({ value: u, label: t(`unit.${u}`, { count: compare.period!.count }) }))} value={compare.period.unit} onChange={(u) => onChange({ ...compare, period: { ...compare.period!, unit: u as Unit } })} />
      </>
    );
  }
  if (compare.op === 'before_date' || compare.op === 'after_date') {
    return <TextInput type="date" aria-label={t('builder.date')} value={String(compare.value ?? '')} onChange={(e) => onChange({ ...compare, value: e.currentTarget.value })} />;
  }
  if (compare.values) {
    return <TagsInput miw={220} aria-label={t('builder.value')} placeholder={compare.values.length === 0 ? t('builder.value') : undefined} data={suggestions} value={compare.values.map(String)} onChange={(values) => onChange({ ...compare, values })} />;
  }
  return <Autocomplete w={200} aria-label={t('builder.value')} placeholder={t('builder.value')} data={suggestions} value={String(compare.value ?? '')} onChange={(text) => onChange({ ...compare, value: literal(text) })} />;
}

function WindowInput({ window, onChange }: { window?: Window; onChange: (next?: Window) => void }) {
  const { t } = useTranslation();
  const kind = !window ? 'ever' : 'within' in window ? 'within' : 'between' in window ? 'between' : 'dates' in window ? 'dates' : 'during';
  const start = (next: string | null) => {
    if (next === 'within') onChange({ within: { count: 30, unit: 'day' } });
    else if (next === 'between') onChange({ between: [{ count: 30, unit: 'day' }, { count: 7, unit: 'day' }] });
    else if (next === 'dates') onChange({ dates: ['', ''] });
    else if (next === 'during') onChange({ during: 'this month' });
    else onChange(undefined);
  };
  const period = (p: { count: number; unit: Unit }, set: (p: { count: number; unit: Unit }) => void, key: string) => (
    <Group key={key} gap={4} wrap="nowrap">
      <NumberInput w={76} min={1} allowDecimal={false} aria-label={t('builder.amount')} value={p.count} onChange={(v) => set({ ...p, count: Number(v) || 1 })} />
      <Select w={112} aria-label={t('builder.unit')} allowDeselect={false} data={UNITS.map((u) => ({ value: u, label: t(`unit.${u}`, { count: p.count }) }))} value={p.unit} onChange={(u) => set({ ...p, unit: u as Unit })} />
    </Group>
  );
  return (
    <>
      <Select w={150} aria-label={t('builder.when')} allowDeselect={false} data={['ever', 'within', 'between', 'dates', 'during'].map((k) => ({ value: k, label: t(`window.${k}`) }))} value={kind} onChange={start} />
      {window && 'within' in window && period(window.within, (within) => onChange({ within }), 'w')}
      {window && 'between' in window && (
        <>
          {period(window.between[0], (p) => onChange({ between: [p, window.between[1]] }), 'a')}
          <Text size="sm">{t('builder.and')}</Text>
          {period(window.between[1], (p) => onChange({ between: [window.between[0], p] }), 'b')}
          <Text size="sm">{t('builder.ago')}</Text>
        </>
      )}
      {window && 'dates' in window && (
        <>
          <TextInput type="date" aria-label={t('builder.from')} value={window.dates[0]} onChange={(e) => onChange({ dates: [e.currentTarget.value, window.dates[1]] })} />
          <TextInput type="date" aria-label={t('builder.to')} value={window.dates[1]} onChange={(e) => onChange({ dates: [window.dates[0], e.currentTarget.value] })} />
        </>
      )}
      {window && 'during' in window && <Select w={170} aria-label={t('builder.when')} allowDeselect={false} data={DURING.map((d) => ({ value: d, label: t(`during.${d.replace(' ', '_')}`) }))} value={window.during} onChange={(during) => during && onChange({ during })} />}
    </>
  );
}

export function Where({ compare, event, onChange, onRemove }: Props & { event: string; onRemove: () => void }) {
  const { t } = useTranslation();
  const catalog = useCatalog();
  const context = compare.left.context !== undefined;
  const path = (compare.left.property ?? compare.left.context ?? ['']).join('.');
  const fields = catalog.properties(event);
  return (
    <Group gap="xs" pl="md">
      <Text size="sm" c="dimmed">
        {t('builder.where')}
      </Text>
      <Autocomplete w={190} aria-label={t('builder.property')} placeholder={t('builder.property')} data={fields.map((f) => f.path)} value={path} onChange={(text) => onChange({ ...compare, left: context ? { context: text.split('.') } : { property: text.split('.') } })} />
      <Select w={170} aria-label={t('builder.comparison')} allowDeselect={false} data={VALUE_OPS.map((op) => ({ value: op, label: t(`op.${op}`) }))} value={compare.op} onChange={(op) => op && onChange(withOp(compare, op))} />
      <ValueInput compare={compare} onChange={onChange} suggestions={fields.find((f) => f.path === path)?.examples ?? []} />
      <ActionIcon variant="subtle" color="gray" onClick={onRemove} aria-label={t('builder.removeWhere')}>
        <IconTrash size={16} />
      </ActionIcon>
    </Group>
  );
}

function Deed({ compare, onChange }: Props) {
  const { t } = useTranslation();
  const catalog = useCatalog();
  const { left } = compare;
  const isOrder = left.order === true;
  const fn = left.reduce?.fn ?? 'count';
  const wheres = whereList(left.where);
  const setWheres = (list: Compare[]) => onChange({ ...compare, left: { ...left, where: whereOf(list) } });
  const sums = isOrder ? ['value'] : catalog.properties(left.event ?? '').filter((f) => f.types.includes('number')).map((f) => f.path);
  const setFn = (next: string | null) => {
    if (next) onChange({ ...compare, left: { ...left, reduce: next === 'sum' ? { fn: 'sum', property: (sums[0] ?? 'value').split('.') } : { fn: next } } });
  };
  return (
    <Stack gap="xs">
      <Group gap="xs">
        {isOrder ? <Text size="sm">{t('builder.ordered')}</Text> : <Text size="sm">{t('builder.did')}</Text>}
        {!isOrder && <Autocomplete w={220} aria-label={t('builder.event')} placeholder={t('builder.event')} data={catalog.events.map((e) => e.name)} value={left.event ?? ''} onChange={(event) => onChange({ ...compare, left: { ...left, event } })} />}
        <Select w={150} aria-label={t('builder.measure')} allowDeselect={false} data={['count', 'days', 'sum'].map((f) => ({ value: f, label: t(`measure.${f}`) }))} value={fn} onChange={setFn} />
        {fn === 'sum' && <Autocomplete w={150} aria-label={t('builder.property')} data={sums} value={(left.reduce?.property ?? []).join('.')} onChange={(text) => onChange({ ...compare, left: { ...left, reduce: { fn: 'sum', property: text.split('.') } } })} />}
        <Select w={150} aria-label={t('builder.comparison')} allowDeselect={false} data={NUMBER_OPS.map((op) => ({ value: op, label: t(`op.${op}`) }))} value={compare.op} onChange={(op) => op && onChange({ ...compare, op })} />
        <NumberInput w={96} aria-label={t('builder.value')} value={Number(compare.value ?? 1)} onChange={(v) => onChange({ ...compare, value: Number(v) || 0 })} />
        <WindowInput window={left.window} onChange={(window) => onChange({ ...compare, left: { ...left, window } })} />
      </Group>
      {wheres.map((where, i) => (
        <Where key={i} compare={where} event={left.event ?? ''} onChange={(next) => setWheres(wheres.with(i, next))} onRemove={() => setWheres(wheres.toSpliced(i, 1))} />
      ))}
      <Group pl="md">
        <Button variant="subtle" size="compact-xs" leftSection={<IconPlus size={12} aria-hidden />} onClick={() => setWheres([...wheres, { left: { property: [''] }, op: 'equals', value: '' }])}>
          {t('builder.addWhere')}
        </Button>
      </Group>
    </Stack>
  );
}

function Trait({ compare, onChange }: Props) {
  const { t } = useTranslation();
  const catalog = useCatalog();
  const key = compare.left.trait!.join('.');
  return (
    <Group gap="xs">
      <Text size="sm">{t('builder.trait')}</Text>
      <Autocomplete w={200} aria-label={t('builder.traitName')} placeholder={t('builder.traitName')} data={catalog.traits.map((f) => f.path)} value={key} onChange={(text) => onChange({ ...compare, left: { trait: text.split('.') } })} />
      <Select w={190} aria-label={t('builder.comparison')} allowDeselect={false} data={[...VALUE_OPS, ...DATE_OPS].map((op) => ({ value: op, label: t(`op.${op}`) }))} value={compare.op} onChange={(op) => op && onChange(withOp(compare, op))} />
      <ValueInput compare={compare} onChange={onChange} suggestions={catalog.traits.find((f) => f.path === key)?.examples ?? []} />
    </Group>
  );
}

function Consent({ compare, onChange }: Props) {
  const { t } = useTranslation();
  return (
    <Group gap="xs">
      <Text size="sm">{t('builder.consent')}</Text>
      <Select w={220} aria-label={t('builder.purpose')} allowDeselect={false} data={PURPOSES.map((p) => ({ value: p, label: t(`purpose.${p}`) }))} value={compare.left.consent ?? null} onChange={(consent) => consent && onChange({ ...compare, left: { consent } })} />
      <Text size="sm">{t('builder.is')}</Text>
      <Select w={150} aria-label={t('builder.value')} allowDeselect={false} data={['granted', 'denied', 'unknown', 'conflict'].map((s) => ({ value: s, label: t(`consent.${s}`) }))} value={String(compare.value)} onChange={(value) => value && onChange({ ...compare, op: 'equals', value })} />
    </Group>
  );
}

function Identifier({ compare, onChange }: Props) {
  const { t } = useTranslation();
  return (
    <Group gap="xs">
      <Text size="sm">{t('builder.identifier')}</Text>
      <Select w={200} aria-label={t('builder.identifierType')} allowDeselect={false} data={IDENTIFIERS.map((i) => ({ value: i, label: t(`identifier.${i}`) }))} value={compare.left.identifier ?? null} onChange={(identifier) => identifier && onChange({ ...compare, left: { identifier } })} />
    </Group>
  );
}

function Member({ compare, onChange }: Props) {
  const { t } = useTranslation();
  const catalog = useCatalog();
  return (
    <Group gap="xs">
      <Text size="sm">{t('builder.member')}</Text>
      <Select w={260} searchable aria-label={t('segments.title')} placeholder={t('segments.title')} data={catalog.segments.map((s) => ({ value: s.key, label: s.name }))} value={compare.left.segment || null} onChange={(segment) => segment && onChange({ ...compare, left: { segment } })} />
    </Group>
  );
}

const EDITORS = { event: Deed, order: Deed, trait: Trait, consent: Consent, identifier: Identifier, segment: Member };

export function ConditionEditor(props: Props) {
  const Editor = EDITORS[kindOf(props.compare)];
  return <Editor {...props} />;
}
