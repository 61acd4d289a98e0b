/** A table as a file for spreadsheets. */

export type Cell = string | number | null | undefined;

/** A text that a spreadsheet would take for a formula stays a text. */
function field(cell: Cell): string {
  if (cell === null || cell === undefined) return '';
  const text = typeof cell === 'string' && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : String(cell);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const csvOf = (rows: Cell[][]) => rows.map((row) => row.map(field).join(',')).join('\r\n') + '\r\n';

/** Gives the browser a file of that name. */
export function saveBlob(name: string, blob: Blob) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

export const download = (name: string, rows: Cell[][]) => saveBlob(`${name}.csv`, new Blob(['\ufeff', csvOf(rows)], { type: 'text/csv' }));
