/** The schema of what came in: events with their properties, traits; types, volumes, first and last seen. */
import { Anchor, Badge, Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { IconChevronLeft } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Fragment, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'wouter';
import { get } from '../api/client';
import { useFormat } from '../format';
import { useWs } from '../session';
import { Card, PageHead } from '../ui/page';
import { Empty, Failed, LoadingRows } from '../ui/states';

interface Field {
  path: string;
  types: ('string' | 'number' | 'boolean')[];
  list: boolean;
  count: number;
  examples: (string | number | boolean)[];
}

interface EventKind {
  event: string;
  count: number;
  profiles: number;
  first_seen_at: string;
  last_seen_at: string;
  properties: Field[];
  has_more_fields: boolean;
}

const NAME_MOST = 100;
const EXAMPLES = 3;
const EXAMPLE_MOST = 60;
const PAGE = 50; // events shown at first, and more at a time

const cut = (text: string, most: number) => (text.length > most ? `${text.slice(0, most)} …` : text);

function Fields({ fields, label }: { fields: Field[]; label: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const typeOf = (f: Field) => {
    const types = f.types.map((x) => t(`schema.typeNames.${x}`)).join(', ');
    return f.list ? t('schema.list', { type: types }) : types;
  };
  return (
    <div className="kern-scroll" tabIndex={0} role="group" aria-label={label}>
      <table className="kern-table">
        <thead>
          <tr>
            <th scope="col">{t('schema.name')}</th>
            <th scope="col">{t('schema.types')}</th>
            <th scope="col" className="number">
              {t('schema.times')}
            </th>
            <th scope="col">{t('schema.examples')}</th>
          </tr>
        </thead>
        <tbody>
          {fields.map((f) => (
            <tr key={f.path}>
              <td style={{ overflowWrap: 'anywhere' }}>
                <bdi>{cut(f.path, NAME_MOST)}</bdi>
              </td>
              <td>{typeOf(f)}</td>
              <td className="number">{format.number(f.count)}</td>
              <td style={{ overflowWrap: 'anywhere' }}>
                {f.examples.slice(0, EXAMPLES).map((x, i) => (
                  <Fragment key={i}>
                    {i > 0 && ', '}
                    <bdi>{cut(String(x), EXAMPLE_MOST)}</bdi>
                  </Fragment>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function EventRow({ kind }: { kind: EventKind }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [open, setOpen] = useState(false);
  const name = cut(kind.event, NAME_MOST);
  return (
    <>
      <tr>
        <td style={{ overflowWrap: 'anywhere' }}>
          <bdi>{name}</bdi>
        </td>
        <td className="number">{format.number(kind.count)}</td>
        <td className="number">{format.number(kind.profiles)}</td>
        <td title={format.dateTime(kind.first_seen_at)}>{format.date(kind.first_seen_at)}</td>
        <td title={format.dateTime(kind.last_seen_at)}>{format.ago(kind.last_seen_at)}</td>
        <td className="number">
          {kind.properties.length > 0 && (
            <Button size="compact-xs" variant="subtle" onClick={() => setOpen(!open)} aria-expanded={open} aria-label={`${t('schema.properties')} ${kind.properties.length}: ${name}`}>
              {t('schema.properties')} {kind.properties.length}
            </Button>
          )}
        </td>
      </tr>
      {open && (
        <tr>
          <td colSpan={6} style={{ paddingInline: '1.5rem 0' }}>
            <Fields fields={kind.properties} label={`${t('schema.properties')}: ${name}`} />
            {kind.has_more_fields && (
              <Text size="sm" c="dimmed">
                {t('schema.more')}
              </Text>
            )}
          </td>
        </tr>
      )}
    </>
  );
}

function Events({ kinds }: { kinds: EventKind[] }) {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  const [most, setMost] = useState(PAGE);
  const wanted = text.trim().toLowerCase();
  const found = kinds.filter((k) => k.event.toLowerCase().includes(wanted));
  return (
    <Card title={t('schema.events')} actions={<TextInput size="xs" type="search" aria-label={t('schema.filter')} placeholder={t('schema.filter')} value={text} onChange={(e) => setText(e.currentTarget.value)} />}>
      <div className="kern-scroll" tabIndex={0} role="group" aria-label={t('schema.events')}>
        <table className="kern-table">
          <thead>
            <tr>
              <th scope="col">{t('schema.name')}</th>
              <th scope="col" className="number">
                {t('schema.times')}
              </th>
              <th scope="col" className="number">
                {t('schema.profiles')}
              </th>
              <th scope="col">{t('schema.first')}</th>
              <th scope="col">{t('schema.last')}</th>
              <th scope="col">{t('schema.properties')}</th>
            </tr>
          </thead>
          <tbody>
            {found.slice(0, most).map((k) => (
              <EventRow key={k.event} kind={k} />
            ))}
          </tbody>
        </table>
      </div>
      {found.length > most && (
        <Group p="md">
          <Button variant="light" onClick={() => setMost(most + PAGE)}>
            {t('state.more')}
          </Button>
        </Group>
      )}
    </Card>
  );
}

export default function SchemaPage() {
  const { t } = useTranslation();
  const format = useFormat();
  const ws = useWs();
  const events = useQuery({ queryKey: ['catalog-events', ws('')], queryFn: ({ signal }) => get<{ data: EventKind[] }>(ws('/catalog/events'), {}, signal) });
  const traits = useQuery({ queryKey: ['catalog-traits', ws('')], queryFn: ({ signal }) => get<{ data: Field[]; profiles: number; has_more_fields: boolean }>(ws('/catalog/traits'), {}, signal) });
  const failed = events.error ?? traits.error;
  const nothing = events.data?.data.length === 0 && traits.data?.data.length === 0;
  return (
    <>
      <Anchor component={Link} href="/sources" size="sm">
        <Group gap={2} component="span">
          <IconChevronLeft size={16} aria-hidden /> {t('sources.back')}
        </Group>
      </Anchor>
      <PageHead title={t('schema.title')} lead={t('schema.lead')} />
      {failed ? (
        <Failed error={failed} retry={() => void Promise.all([events.refetch(), traits.refetch()])} />
      ) : events.isPending || traits.isPending ? (
        <LoadingRows />
      ) : nothing ? (
        <section className="kern-card">
          <Empty title={t('schema.empty')} hint={t('schema.emptyHint')} />
        </section>
      ) : (
        <Stack gap="md">
          <Events kinds={events.data?.data ?? []} />
          <Card title={t('schema.traits')} actions={<Badge color="gray">{`${t('schema.profiles')}: ${format.number(traits.data?.profiles ?? 0)}`}</Badge>}>
            <Fields fields={traits.data?.data ?? []} label={t('schema.traits')} />
            {traits.data?.has_more_fields && (
              <Text size="sm" c="dimmed" p="md">
                {t('schema.more')}
              </Text>
            )}
          </Card>
        </Stack>
      )}
    </>
  );
}
