/** A new list: whom it holds is looked up before it is saved. */
import { Alert, Anchor, Button, Group, Stack, TextInput } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconChevronLeft } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'wouter';
import { post } from '../api/client';
import type { Segment } from '../api/types';
import { PeopleInput } from '../lists/people-input';
import type { People } from '../lists/rows';
import { send } from '../lists/send';
import { keyOf } from '../segments/key';
import { useWs } from '../session';
import { Card, PageHead } from '../ui/page';

export function NewListPage() {
  const { t } = useTranslation();
  const ws = useWs();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [people, setPeople] = useState<People | null>(null);
  const [made, setMade] = useState<string | null>(null); // by an attempt whose rows did not all arrive
  const key = keyOf(name);
  const save = useMutation({
    mutationFn: async () => {
      if (made !== key) await post<Segment>(ws('/segments'), { key, name: name.trim(), description: description.trim(), kind: 'static' });
      setMade(key);
      if (people) await send('POST', ws(`/segments/${key}/members`), people);
    },
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ['segments'] });
      notifications.show({ message: t('lists.saved', { name: name.trim() }) });
      navigate(`/segments/${key}`);
    },
  });
  return (
    <>
      <Anchor component={Link} href="/segments" size="sm">
        <Group gap={2} component="span">
          <IconChevronLeft size={16} aria-hidden /> {t('segments.back')}
        </Group>
      </Anchor>
      <PageHead title={t('lists.new')} lead={t('lists.lead')} />
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <Stack gap="md" maw={760}>
          <Card>
            <Stack p="md" gap="sm">
              <TextInput label={t('segments.name')} value={name} onChange={(e) => setName(e.currentTarget.value)} required maxLength={200} description={key || undefined} />
              <TextInput label={t('segments.description')} value={description} onChange={(e) => setDescription(e.currentTarget.value)} maxLength={1000} />
            </Stack>
          </Card>
          <Card title={t('segments.who')}>
            <Stack px="md" pb="md">
              <PeopleInput onChange={setPeople} />
            </Stack>
          </Card>
          {save.isError && (
            <Alert color="red" role="alert">
              {save.error.message}
            </Alert>
          )}
          <Group>
            <Button type="submit" loading={save.isPending} disabled={!key}>
              {t('state.save')}
            </Button>
            <Button variant="default" component={Link} href="/segments">
              {t('state.cancel')}
            </Button>
          </Group>
        </Stack>
      </form>
    </>
  );
}
