/** What the server says of a form: at its fields, and of the whole. */
import { Alert } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../api/client';

/** What the server says of a field of the form. */
export const fieldError = (error: unknown, pointer: string) => (error instanceof ApiError ? error.field(pointer) : undefined);

/** What it says that belongs to none of them. */
export function FormError({ error, fields }: { error: unknown; fields: string[] }) {
  const { t } = useTranslation();
  if (!error || fields.some((f) => fieldError(error, f))) return null;
  return (
    <Alert color="red" role="alert">
      {error instanceof ApiError ? error.message : t('state.unreachable')}
    </Alert>
  );
}
