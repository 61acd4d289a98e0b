/** Rows that name people, pasted or in a file of any length, cut into parts for the API. */

export interface People {
  source: Blob; // of a file, or of what was pasted
  type: string; // of the identifiers; id: ids of profiles
  column?: string; // of the first line; none: a value a line
}

export interface Part {
  media: 'text/csv' | 'text/plain';
  body: string;
  line: number; // of its first row
}

const ROWS = 10_000; // of which the API tells every bad one

/** Lines with what is quoted kept together, as the text comes in. */
async function* linesOf(source: Blob): AsyncGenerator<string> {
  const reader = source.stream().pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    rest += value ?? '';
    const lines = rest.split('\n');
    rest = done ? '' : lines.pop()!;
    let open = '';
    for (const line of lines) {
      const whole = open ? `${open}\n${line}` : line;
      open = whole.split('"').length % 2 === 0 ? whole : '';
      if (!open) yield whole;
    }
    if (open && done) yield open;
    else if (open) rest = `${open}\n${rest}`;
    if (done) return;
  }
}

export async function* partsOf({ source, column }: People): AsyncGenerator<Part> {
  const media = column === undefined ? 'text/plain' : 'text/csv';
  let header = '';
  let rows: string[] = [];
  let line = 0;
  let first = 1;
  for await (const row of linesOf(source)) {
    line += row.split('\n').length;
    if (media === 'text/csv' && header === '') {
      header = row;
      first = line + 1;
      continue;
    }
    rows.push(row);
    if (rows.length === ROWS) {
      yield { media, body: [...(header ? [header] : []), ...rows].join('\n'), line: first };
      rows = [];
      first = line + 1;
    }
  }
  if (rows.some((row) => row.trim())) yield { media, body: [...(header ? [header] : []), ...rows].join('\n'), line: first };
}

const KNOWN: Record<string, string> = { email: 'email', 'e-mail': 'email', mail: 'email', 'e-mailadres': 'email', emailadres: 'email', 'email address': 'email', user_id: 'user_id', userid: 'user_id', klantnummer: 'user_id', phone: 'phone', telefoon: 'phone', telefoonnummer: 'phone', id: 'id', anonymous_id: 'anonymous_id' };

/** The columns that the first line names (none: it is a row), and a guess at what to read. */
export async function guess(source: Blob): Promise<{ columns: string[]; column?: string; type?: string }> {
  const first = (await source.slice(0, 65536).text()).replace(/^\uFEFF/, '').split(/\r?\n/, 1)[0]!;
  const separator = [',', ';', '\t'].reduce((best, s) => (first.split(s).length > first.split(best).length ? s : best));
  const columns = first.split(separator).map((name) => name.trim().replace(/^"(.*)"$/, '$1').replaceAll('""', '"'));
  const named = columns.find((name) => KNOWN[name.toLowerCase().replace(/^identifier\./, '')]);
  if (!named && (columns.length === 1 || first.includes('@'))) return { columns: [], type: first.includes('@') ? 'email' : undefined };
  return { columns, column: named ?? columns[0], type: named && KNOWN[named.toLowerCase().replace(/^identifier\./, '')] };
}
