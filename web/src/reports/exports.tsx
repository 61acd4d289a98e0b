/** What a report can be taken away as: a table for spreadsheets, a picture of its chart. */
import { Button, Group } from '@mantine/core';
import { IconDownload, IconPhoto } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { download, type Cell } from './csv';
import { savePicture, type Picture } from './picture';

export function Exports({ name, rows, picture }: { name: string; rows: () => Cell[][]; picture?: () => Picture }) {
  const { t } = useTranslation();
  return (
    <Group justify="end" gap="xs" px="md" py="xs">
      <Button size="xs" variant="default" leftSection={<IconDownload size={14} aria-hidden />} onClick={() => download(name, rows())}>
        {t('reports.csv')}
      </Button>
      {picture && (
        <Button size="xs" variant="default" leftSection={<IconPhoto size={14} aria-hidden />} onClick={() => savePicture(name, picture())}>
          {t('reports.png')}
        </Button>
      )}
    </Group>
  );
}
