/** Notes on charts: what happened that day, beside the lines that show it. */
import { ActionIcon, Button, Group, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { IconNote, IconPencil, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format';
import { Confirm } from '../ui/confirm';
import { FormModal } from '../ui/form-modal';
import { useDocuments, useKeep, useMayKeep, type Note } from './documents';
import type { Period } from './period';

export interface Mark {
  /** Which point of the chart. */
  at: number;
  text: string;
  note: Note;
}

/** A date alone is that day wherever the workspace is: noon is never another day's. */
const momentOf = (note: Note) => Date.parse(note.at.length <= 10 ? `${note.at}T12:00:00Z` : note.at);

/** Those that fall in the period, each at the point of its time. */
export function marksOf(notes: Note[], starts: string[], period: Period): Mark[] {
  const end = Date.parse(`${period.to}T14:00:00Z`);
  return notes
    .filter((note) => note.at.slice(0, 10) >= period.from && momentOf(note) < end)
    .map((note) => ({ at: Math.max(0, starts.findLastIndex((s) => Date.parse(s) <= momentOf(note))), text: note.text, note }))
    .toSorted((a, b) => a.at - b.at);
}

export const useNotes = () => useDocuments('/notes').data ?? [];

function NoteModal({ note, date, onClose }: { note?: Note; date: string; onClose: () => void }) {
  const { t } = useTranslation();
  const { create, change } = useKeep('/notes');
  const [at, setAt] = useState(note ? note.at.slice(0, 10) : date);
  const [text, setText] = useState(note?.text ?? '');
  const good = at !== '' && text.trim() !== '';
  const done = { onSuccess: onClose };
  const save = () => (note ? change.mutate({ id: note.id, version: note.version, at, text: text.trim() }, done) : create.mutate({ at, text: text.trim() }, done));
  return (
    <FormModal title={t(note ? 'reports.changeNote' : 'reports.newNote')} good={good} busy={create.isPending || change.isPending} onClose={onClose} onSave={save}>
      <TextInput type="date" required label={t('reports.noteDate')} value={at} onChange={(e) => setAt(e.currentTarget.value)} />
      <Textarea data-autofocus required autosize minRows={2} maxLength={240} label={t('reports.noteText')} placeholder={t('reports.noteExample')} value={text} onChange={(e) => setText(e.currentTarget.value)} />
    </FormModal>
  );
}

/** Under a chart: the notes that stand on it. */
export function Notes({ marks, period }: { marks: Mark[]; period: Period }) {
  const { t } = useTranslation();
  const format = useFormat();
  const may = useMayKeep();
  const { remove } = useKeep('/notes');
  const [editing, edit] = useState<{ note?: Note } | null>(null);
  const [removing, setRemoving] = useState<Note | null>(null);
  const last = new Date(Date.parse(period.to) - 86_400_000).toISOString().slice(0, 10);
  if (marks.length === 0 && !may) return null;
  return (
    <Stack gap={4} px="md" pb="xs">
      {marks.map(({ note }, i) => (
        <Group key={note.id} gap="xs" wrap="nowrap" align="start">
          <span className="kern-mark" aria-hidden>
            {i + 1}
          </span>
          <Text size="sm" style={{ flex: 1, overflowWrap: 'anywhere' }}>
            <Text span size="sm" c="dimmed">
              {format.shortDate(new Date(momentOf(note)).toISOString())}
            </Text>{' '}
            {note.text}
          </Text>
          {may && (
            <>
              <ActionIcon variant="subtle" color="gray" size={26} onClick={() => edit({ note })} aria-label={t('reports.changeNoteOf', { text: note.text })}>
                <IconPencil size={15} />
              </ActionIcon>
              <ActionIcon variant="subtle" color="gray" size={26} onClick={() => setRemoving(note)} aria-label={t('reports.removeOf', { name: note.text })}>
                <IconTrash size={15} />
              </ActionIcon>
            </>
          )}
        </Group>
      ))}
      {may && (
        <Group>
          <Button variant="subtle" size="compact-sm" leftSection={<IconNote size={14} aria-hidden />} onClick={() => edit({})}>
            {t('reports.addNote')}
          </Button>
        </Group>
      )}
      {editing && <NoteModal note={editing.note} date={last} onClose={() => edit(null)} />}
      {removing && <Confirm title={t('reports.removeTitle', { name: removing.text })} busy={remove.isPending} onClose={() => setRemoving(null)} onConfirm={() => remove.mutate(removing.id, { onSettled: () => setRemoving(null) })} />}
    </Stack>
  );
}
