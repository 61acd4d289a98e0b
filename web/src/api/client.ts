/** Calls to Kern's documented API. Errors are RFC 9457 problems. */

export interface Problem {
  title: string;
  status: number;
  detail?: string;
  errors?: { pointer?: string; position?: number; parameter?: string; detail: string }[];
}

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail ?? problem.title);
  }
  get status() {
    return this.problem.status;
  }
  /** What is wrong with a field of the body, by its JSON pointer; an element of a list included. */
  field(pointer: string): string | undefined {
    return this.problem.errors?.find((e) => e.pointer === pointer || e.pointer?.startsWith(`${pointer}/`))?.detail;
  }
}

/** Nobody answered: the server stopped, or the network is gone. */
export class Unreachable extends Error {}

type Query = Record<string, string | number | boolean | undefined | null>;

function withQuery(path: string, query?: Query) {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== '') search.set(key, String(value));
  }
  return search.size > 0 ? `${path}?${search}` : path;
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    return (await response.json()) as Problem;
  } catch {
    return { title: response.statusText || 'Error', status: response.status };
  }
}

let position: string | null = null;

export async function call<T>(
  method: string,
  path: string,
  options: { query?: Query; body?: unknown; text?: string; media?: string; signal?: AbortSignal } = {},
): Promise<T> {
  const headers: Record<string, string> = { 'X-Kern-CSRF': '1' };
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  if (options.text !== undefined) headers['Content-Type'] = options.media ?? 'text/plain';
  // Read your own writes: later reads wait for what was written before them.
  if (position && path.startsWith('/api/v1/workspaces/')) headers['Kern-After'] = position;
  let response: Response;
  try {
    response = await fetch(withQuery(path, options.query), {
      method,
      headers,
      body: options.body === undefined ? options.text : JSON.stringify(options.body),
      signal: options.signal,
      credentials: 'same-origin',
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Unreachable();
  }
  if (!response.ok) throw new ApiError(await problemOf(response));
  if (method !== 'GET') position = response.headers.get('Kern-Position') ?? position;
  return response.status === 204 ? (undefined as T) : ((await response.json()) as T);
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal) =>
  call<T>('GET', path, { query, signal });
export const post = <T>(path: string, body: unknown, query?: Query) =>
  call<T>('POST', path, { body, query });

/** Every page of an answer that is text, in order. */
export async function pagesOf(path: string, query?: Query): Promise<Blob[]> {
  const parts: Blob[] = [];
  let cursor: string | null = null;
  do {
    const response: Response = await fetch(withQuery(path, { ...query, cursor }), { credentials: 'same-origin' });
    if (!response.ok) throw new ApiError(await problemOf(response));
    parts.push(await response.blob());
    cursor = response.headers.get('Kern-Next');
  } while (cursor);
  return parts;
}
