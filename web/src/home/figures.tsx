import { Group, SimpleGrid, Skeleton, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { useFormat } from '../format';
import type { Period } from '../reports/period';
import { useSession } from '../session';
import { Info } from '../ui/info';
import { Spark } from '../ui/lines';
import { Failed } from '../ui/states';
import type { Figure, useNumbers } from './numbers';

const NAMES = ['visitors', 'orders', 'revenue', 'conversion', 'profiles'] as const;
type Name = (typeof NAMES)[number];

/** Where a figure is looked into further. */
const REPORT: Record<Name, string> = {
  visitors: 'event=Page%20Viewed&measure=profiles',
  orders: 'of=orders',
  revenue: 'of=orders&measure=sum',
  conversion: '',
  profiles: '',
};

function Change({ figure }: { figure: Figure }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (figure.before === 0)
    return (
      <Text size="sm" c="dimmed">
        {t('home.nothingBefore')}
      </Text>
    );
  const change = figure.now / figure.before - 1;
  const color = Math.abs(change) < 0.005 ? undefined : change < 0 ? 'var(--kern-down)' : 'var(--kern-up)';
  return (
    <Text size="sm" c="dimmed">
      <Text span size="sm" fw={600} c={color}>
        {format.change(color ? change : 0)}
      </Text>{' '}
      {t('home.thanBefore')}
    </Text>
  );
}

export function Figures({ numbers, period }: { numbers: ReturnType<typeof useNumbers>; period: Period }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { workspace } = useSession();
  if (numbers.error) return <Failed error={numbers.error} retry={numbers.refetch} />;
  const text = (name: Name, value: number) => (name === 'revenue' ? format.money(value, workspace.currency) : name === 'conversion' ? format.percent(value) : format.number(value));
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, md: 3, lg: 5 }} spacing="md" mb="md">
      {NAMES.map((name) => {
        const figure = numbers.data?.[name];
        const href = name === 'conversion' ? `/reports/funnel?period=${period.key}` : `/reports/series?period=${period.key}&${REPORT[name]}`;
        return (
          <section className="kern-card kern-figure" key={name} aria-label={t(`home.${name}`)}>
            <Group justify="space-between" wrap="nowrap" gap={4}>
              <Text size="sm" c="dimmed">
                {name === 'profiles' ? (
                  t(`home.${name}`)
                ) : (
                  <Link className="kern-link" href={href}>
                    {t(`home.${name}`)}
                  </Link>
                )}
              </Text>
              <Info of={t(`home.${name}`)} text={t(`home.${name}Hint`)} />
            </Group>
            {figure ? (
              <>
                <Text fz={26} fw={660} lh={1.25} className="kern-tabular">
                  {text(name, figure.now)}
                </Text>
                <Change figure={figure} />
                {figure.line.length > 1 && <Spark points={figure.line} />}
              </>
            ) : (
              <Skeleton h={58} mt={6} />
            )}
          </section>
        );
      })}
    </SimpleGrid>
  );
}
