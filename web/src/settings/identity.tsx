/** Which identifiers a profile may have, how many, and which give way. */
import { Button, Group, NumberInput, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { call, get } from '../api/client';
import { useSession, useWs } from '../session';
import { Card } from '../ui/page';
import { Failed, LoadingRows } from '../ui/states';
import { FormError } from '../ui/form-errors';
import { may, SettingsFrame } from './parts';

interface IdentityType {
  type: string;
  limit?: number;
  priority?: number;
  blocked?: ({ exact: string } | { regex: string })[];
}

function Types({ types }: { types: IdentityType[] }) {
  const { t } = useTranslation();
  const { caller } = useSession();
  const ws = useWs();
  const client = useQueryClient();
  const [limits, setLimits] = useState<Record<string, number | string>>({});
  const changed = types.some((type) => type.type in limits && limits[type.type] !== type.limit);
  const save = useMutation({
    mutationFn: () => call<{ types: IdentityType[] }>('PUT', ws('/identity'), { body: { types: types.map((type) => ({ ...type, limit: Number(limits[type.type] ?? type.limit) })) } }),
    onSuccess: (data) => {
      client.setQueryData(['identity', ws('')], data);
      setLimits({});
      notifications.show({ message: t('settings.saved') });
    },
  });
  const mayChange = may(caller, 'admin');
  return (
    <>
      <div className="kern-scroll" tabIndex={0} role="region" aria-label={t('settings.identity')}>
        <table className="kern-table">
          <thead>
            <tr>
              <th scope="col">{t('settings.type')}</th>
              <th scope="col" className="number">
                {t('settings.priority')}
              </th>
              <th scope="col" className="number">
                {t('settings.limit')}
              </th>
              <th scope="col">{t('settings.blocked')}</th>
            </tr>
          </thead>
          <tbody>
            {types.map((type) => {
              const name = t(`identifier.${type.type}`, { defaultValue: type.type });
              return (
                <tr key={type.type}>
                  <td>{name}</td>
                  <td className="number">{type.priority}</td>
                  <td className="number">
                    {mayChange ? (
                      <NumberInput aria-label={`${t('settings.limit')}: ${name}`} value={limits[type.type] ?? type.limit} onChange={(value) => setLimits({ ...limits, [type.type]: value })} min={1} max={100} size="xs" w={84} ms="auto" />
                    ) : (
                      type.limit
                    )}
                  </td>
                  <td className="kern-break">{(type.blocked ?? []).map((b) => ('exact' in b ? b.exact : `/${b.regex}/`)).join(', ') || t('state.none')}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {mayChange && (
        <Stack p="md">
          <FormError error={save.error} fields={[]} />
          <Group>
            <Button onClick={() => save.mutate()} disabled={!changed} loading={save.isPending}>
              {t('state.save')}
            </Button>
          </Group>
        </Stack>
      )}
    </>
  );
}

export default function IdentityPage() {
  const { t } = useTranslation();
  const ws = useWs();
  const identity = useQuery({ queryKey: ['identity', ws('')], queryFn: ({ signal }) => get<{ types: IdentityType[] }>(ws('/identity'), {}, signal) });
  return (
    <SettingsFrame title={t('account.pages.identity')} lead={t('settings.identityHint')}>
      <Card title={t('account.identity.how')}>
        <Stack px="md" pb="md" gap="xs" maw={720}>
          {(['same', 'limit', 'priority', 'blocked'] as const).map((key) => (
            <Text key={key} size="sm">
              {t(`account.identity.${key}`)}
            </Text>
          ))}
        </Stack>
      </Card>
      <Card title={t('settings.identity')}>
        {identity.isError ? <Failed error={identity.error} retry={() => identity.refetch()} /> : identity.isPending ? <LoadingRows rows={4} /> : <Types types={identity.data.types} />}
      </Card>
    </SettingsFrame>
  );
}
