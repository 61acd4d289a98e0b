/** Conditions as sentences, in groups that can be nested. */
import { ActionIcon, Button, Code, Group as Row, Menu, SegmentedControl, Stack, Switch, Text } from '@mantine/core';
import { IconFolderPlus, IconPlus, IconTrash } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { ConditionEditor } from './condition';
import { change, fresh, isGroup, newCompare, type Condition, type Group, type Kind } from './tree';

const KINDS: Kind[] = ['event', 'order', 'trait', 'consent', 'identifier', 'segment'];
const DEPTH_MAX = 4;

interface Props {
  group: Group;
  onChange: (next: Group) => void;
  depth?: number;
}

function AddMenu({ group, onChange, depth = 0 }: Props) {
  const { t } = useTranslation();
  const add = (item: Group | Condition) => onChange({ ...group, items: [...group.items, item] });
  return (
    <Row gap="xs">
      <Menu position="bottom-start">
        <Menu.Target>
          <Button variant="light" size="xs" leftSection={<IconPlus size={14} aria-hidden />}>
            {t('builder.add')}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {KINDS.map((kind) => (
            <Menu.Item key={kind} onClick={() => add({ id: fresh(), negated: false, compare: newCompare(kind) })}>
              {t(`builder.kinds.${kind}`)}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {depth < DEPTH_MAX && (
        <Button variant="subtle" size="xs" leftSection={<IconFolderPlus size={14} aria-hidden />} onClick={() => add({ id: fresh(), join: group.join === 'and' ? 'or' : 'and', negated: false, items: [] })}>
          {t('builder.addGroup')}
        </Button>
      )}
    </Row>
  );
}

function Item({ item, onChange, depth }: { item: Group | Condition; onChange: (next?: Group | Condition) => void; depth: number }) {
  const { t } = useTranslation();
  return (
    <div className="kern-condition" data-negated={item.negated || undefined}>
      <Row align="start" wrap="nowrap" gap="sm">
        <Switch size="xs" mt={9} checked={item.negated} onChange={(e) => onChange({ ...item, negated: e.currentTarget.checked })} label={t('builder.not')} />
        <div style={{ flex: 1, minWidth: 0 }}>
          {isGroup(item) ? (
            <GroupEditor group={item} onChange={onChange} depth={depth + 1} />
          ) : item.compare ? (
            <ConditionEditor compare={item.compare} onChange={(compare) => onChange({ ...item, compare })} />
          ) : (
            <Stack gap={2}>
              <Text size="sm" c="dimmed">
                {t('builder.advanced')}
              </Text>
              <Code block className="kern-code">
                {JSON.stringify(item.raw)}
              </Code>
            </Stack>
          )}
        </div>
        <ActionIcon variant="subtle" color="gray" mt={4} onClick={() => onChange(undefined)} aria-label={t('builder.remove')}>
          <IconTrash size={16} />
        </ActionIcon>
      </Row>
    </div>
  );
}

export function GroupEditor({ group, onChange, depth = 0 }: Props) {
  const { t } = useTranslation();
  return (
    <Stack gap="xs" role="group" aria-label={t(group.join === 'and' ? 'builder.all' : 'builder.any')}>
      {(group.items.length > 1 || depth > 0) && (
        <Row gap="xs">
          <SegmentedControl
            size="xs"
            data={[
              { value: 'and', label: t('builder.all') },
              { value: 'or', label: t('builder.any') },
            ]}
            value={group.join}
            onChange={(join) => onChange({ ...group, join: join as 'and' | 'or' })}
          />
        </Row>
      )}
      {group.items.length === 0 && depth === 0 && <Text c="dimmed">{t('builder.empty')}</Text>}
      {group.items.map((item) => (
        <Item key={item.id} item={item} depth={depth} onChange={(next) => onChange(change(group, item.id, () => next))} />
      ))}
      <AddMenu group={group} onChange={onChange} depth={depth} />
    </Stack>
  );
}
