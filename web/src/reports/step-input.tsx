/** Choosing a step: an event, or orders; and the conditions on the event. */
import { Autocomplete, Button, Group, Stack } from '@mantine/core';
import { IconFilterPlus } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useCatalog } from '../segments/catalog';
import { Where } from '../segments/condition';
import type { Compare } from '../segments/tree';
import { eventStep, ORDERS, type Step } from './step';

const FRESH: Compare = { left: { property: [''] }, op: 'equals', value: '' };

/** `label` names whose conditions they are. */
export function Filters({ event, filters, onChange, label }: { event: string; filters: Compare[]; onChange: (next: Compare[]) => void; label: string }) {
  const { t } = useTranslation();
  return (
    <Stack gap={6} role="group" aria-label={t('reports.conditionsOf', { name: label })}>
      {filters.map((filter, i) => (
        <Where key={i} compare={filter} event={event} onChange={(next) => onChange(filters.with(i, next))} onRemove={() => onChange(filters.toSpliced(i, 1))} />
      ))}
      <Group>
        <Button variant="subtle" size="compact-sm" leftSection={<IconFilterPlus size={13} aria-hidden />} onClick={() => onChange([...filters, FRESH])}>
          {t('reports.addFilter')}
        </Button>
      </Group>
    </Stack>
  );
}

export function useStepName() {
  const { t } = useTranslation();
  return (step: Step) => (step.orders ? t('reports.orderStep') : step.event || t('reports.anyEvent'));
}

interface Props {
  label: string;
  step: Step;
  onChange: (next: Step) => void;
  placeholder?: string;
}

export function StepInput({ label, step, onChange, placeholder }: Props) {
  const { t } = useTranslation();
  const { events } = useCatalog();
  const orders = t('reports.orderStep');
  return (
    <Autocomplete
      w={{ base: '100%', xs: 230 }}
      label={label}
      placeholder={placeholder}
      data={[
        { group: t('reports.ofs.orders'), items: [orders] },
        { group: t('reports.ofs.events'), items: events.map((e) => e.name) },
      ]}
      value={step.orders ? orders : step.event}
      onChange={(text) => onChange(text === orders ? ORDERS : { ...eventStep(text), where: step.where })}
      openOnFocus
    />
  );
}
