/** Asks a name, and what else its children ask. */
import { TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { FormModal } from './form-modal';

interface Props {
  title: string;
  label: string;
  initial?: string;
  busy: boolean;
  onClose: () => void;
  onSave: (name: string) => void;
  children?: ReactNode;
}

export function NameModal({ title, label, initial = '', busy, onClose, onSave, children }: Props) {
  const [name, setName] = useState(initial);
  return (
    <FormModal title={title} good={name.trim() !== ''} busy={busy} onClose={onClose} onSave={() => onSave(name.trim())}>
      <TextInput data-autofocus required label={label} maxLength={150} value={name} onChange={(e) => setName(e.currentTarget.value)} />
      {children}
    </FormModal>
  );
}
