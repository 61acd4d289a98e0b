import { SimpleGrid, Stack } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Redirect } from 'wouter';
import { Resume } from '../first/resume';
import { Figures } from '../home/figures';
import { useNumbers } from '../home/numbers';
import { Channels, Customers, Intake } from '../home/panels';
import { PeriodPicker } from '../reports/controls';
import { DrillProvider } from '../reports/drill';
import { usePeriod } from '../reports/period';
import { PageHead } from '../ui/page';

export default function HomePage() {
  const { t } = useTranslation();
  const period = usePeriod();
  const numbers = useNumbers(period);
  if (numbers.data?.all === 0) return <Redirect to="/welcome" replace />;
  return (
    <DrillProvider>
      <PageHead title={t('home.title')} lead={t('home.lead')} actions={<PeriodPicker />} />
      <Resume />
      <Figures numbers={numbers} period={period} />
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" style={{ alignItems: 'start' }}>
        <Stack gap="md">
          <Channels period={period} />
          <Customers kind="phases" without="none" />
        </Stack>
        <Stack gap="md">
          <Customers kind="rfm" />
          <Intake />
        </Stack>
      </SimpleGrid>
    </DrillProvider>
  );
}
