/** Finds one person by typing, and answers whom was chosen. */
import { Combobox, Loader, TextInput, useCombobox } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { get } from '../api/client';
import type { Page, Profile } from '../api/types';
import { identifierOf, nameOf } from '../profile-name';
import { useWs } from '../session';

const SHOWN = 8;
const LONGEST = 80;

export function labelOf(p: Profile, fallback: string) {
  const name = nameOf(p) ?? fallback;
  const email = identifierOf(p, 'email');
  return (email && email !== name ? `${name} (${email})` : `${name} (${p.id.slice(0, 8)})`).slice(0, LONGEST);
}

export function FindPerson({ label, without, onFound }: { label: string; without?: string; onFound: (p: Profile) => void }) {
  const { t } = useTranslation();
  const ws = useWs();
  const box = useCombobox();
  const [text, setText] = useState('');
  const [wanted] = useDebouncedValue(text.trim(), 150);
  const found = useQuery({
    queryKey: ['find', ws(''), wanted],
    queryFn: ({ signal }) => get<Page<Profile>>(ws('/profiles'), wanted ? { q: wanted, limit: SHOWN + 1 } : { sort: 'recent', limit: SHOWN + 1 }, signal),
    placeholderData: keepPreviousData,
  });
  const people = (found.data?.data ?? []).filter((p) => p.id !== without).slice(0, SHOWN);
  const choose = (id: string) => {
    const person = people.find((p) => p.id === id);
    if (!person) return;
    setText(labelOf(person, t('profiles.unknown')));
    box.closeDropdown();
    onFound(person);
  };
  return (
    <Combobox store={box} onOptionSubmit={choose}>
      <Combobox.Target>
        <TextInput
          label={label}
          placeholder={t('care.mergeSearch')}
          value={text}
          rightSection={found.isFetching ? <Loader size={14} /> : undefined}
          error={found.isError ? found.error.message : undefined}
          onChange={(e) => {
            setText(e.currentTarget.value);
            box.openDropdown();
          }}
          onFocus={() => box.openDropdown()}
          onBlur={() => box.closeDropdown()}
        />
      </Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Options>
          {people.length === 0 && <Combobox.Empty>{t('care.mergeNone')}</Combobox.Empty>}
          {people.map((p) => (
            <Combobox.Option key={p.id} value={p.id}>
              <bdi>{labelOf(p, t('profiles.unknown'))}</bdi>
            </Combobox.Option>
          ))}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}
