import { Button, Menu } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconArrowMerge, IconArrowsSplit, IconBan, IconChevronDown, IconCopy, IconDownload, IconMailOff, IconNote, IconPencil } from '@tabler/icons-react';
import { useState, type ComponentType } from 'react';
import { useTranslation } from 'react-i18next';
import type { Profile } from '../api/types';
import { download, saveBlob } from '../reports/csv';
import { useSession, useWs } from '../session';
import { AddNote, CorrectTrait, Objection, StopMail, type CareProps } from './care';
import { rowsOf, wholePerson } from './export';
import { Merge, Split } from './joins';

const ACTIONS = [
  { key: 'note', icon: IconNote, dialog: AddNote },
  { key: 'correct', icon: IconPencil, dialog: CorrectTrait },
  { key: 'stopMail', icon: IconMailOff, dialog: StopMail },
  { key: 'object', icon: IconBan, dialog: Objection },
  { key: 'merge', icon: IconArrowMerge, dialog: Merge },
  { key: 'split', icon: IconArrowsSplit, dialog: Split },
] as const;

export function Actions({ profile }: { profile: Profile }) {
  const { t } = useTranslation();
  const ws = useWs();
  const { caller } = useSession();
  const [Dialog, setDialog] = useState<ComponentType<CareProps> | null>(null);
  const mayExport = caller.permissions.includes('export');
  const failed = (error: unknown) => notifications.show({ color: 'red', message: error instanceof Error ? error.message : String(error) });
  const whole = () => wholePerson(ws(`/profiles/${profile.id}`));
  const copy = () => {
    navigator.clipboard.writeText(JSON.stringify(profile, null, 2)).then(() => notifications.show({ message: t('care.copied') }), failed);
  };
  const json = () => void whole().then((w) => saveBlob(`${profile.id}.json`, new Blob([JSON.stringify(w, null, 2)], { type: 'application/json' })), failed);
  const csv = () => void whole().then((w) => download(profile.id, rowsOf(w)), failed);
  return (
    <>
      <Menu position="bottom-end" width={240} withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <Button rightSection={<IconChevronDown size={16} aria-hidden />}>{t('care.actions')}</Button>
        </Menu.Target>
        <Menu.Dropdown>
          {ACTIONS.map(({ key, icon: Icon, dialog }) => (
            <Menu.Item key={key} leftSection={<Icon size={16} aria-hidden />} disabled={key === 'split' && profile.identifiers.length < 2} onClick={() => setDialog(() => dialog)}>
              {t(`care.${key}`)}
            </Menu.Item>
          ))}
          <Menu.Divider role="separator" />
          <Menu.Item leftSection={<IconCopy size={16} aria-hidden />} onClick={copy}>
            {t('care.copy')}
          </Menu.Item>
          {mayExport && (
            <>
              <Menu.Item leftSection={<IconDownload size={16} aria-hidden />} onClick={json}>
                {t('care.json')}
              </Menu.Item>
              <Menu.Item leftSection={<IconDownload size={16} aria-hidden />} onClick={csv}>
                {t('care.csv')}
              </Menu.Item>
            </>
          )}
        </Menu.Dropdown>
      </Menu>
      {Dialog && <Dialog profile={profile} close={() => setDialog(null)} />}
    </>
  );
}
