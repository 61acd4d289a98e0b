/** The frame of what is seen before one is signed in. */
import { Center, Stack, Text, Title } from '@mantine/core';
import { useEffect, type FormEvent, type ReactNode } from 'react';

export function Door({ title, lead, onSubmit, children }: { title: string; lead: string; onSubmit: (form: FormData) => void; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Kern`;
  }, [title]);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    onSubmit(new FormData(event.currentTarget));
  };
  return (
    <Center component="main" mih="100vh" p="md">
      <form onSubmit={submit} className="kern-card" aria-labelledby="door">
        <Stack p="xl" w={{ base: '100%', xs: 380 }} gap="md">
          <Stack gap={4} align="start">
            <img src="/icon.svg" alt="" width={40} height={40} />
            <Title order={1} id="door" mt="xs">
              {title}
            </Title>
            <Text c="dimmed">{lead}</Text>
          </Stack>
          {children}
        </Stack>
      </form>
    </Center>
  );
}
