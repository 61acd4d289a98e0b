import { useTranslation } from 'react-i18next';
import { Steps } from '../first/steps';
import { PageHead } from '../ui/page';

export default function FirstRunPage() {
  const { t } = useTranslation();
  return (
    <>
      <PageHead title={t('first.title')} lead={t('first.lead')} />
      <Steps />
    </>
  );
}
