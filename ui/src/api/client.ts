import type { Problem } from './types';

// Failure is what a request can end with: a problem (RFC 9457) of the server, or status 0 when it could not be reached.
export class Failure extends Error {
  readonly status: number;
  readonly code: string;
  readonly fields: string[];

  constructor(status: number, problem: Problem) {
    super(sentence(status, problem));
    this.status = status;
    this.code = problem.type?.split('/').pop() ?? '';
    this.fields = (problem.errors ?? []).map((e) => [shorten(e.field), e.message].filter(Boolean).join(': '));
  }
}

function sentence(status: number, problem: Problem): string {
  if (status === 0) return 'The server cannot be reached. What you see is the last known state; what you typed is kept.';
  return problem.detail || problem.title || `The server answered with status ${status}.`;
}

function shorten(field?: string): string {
  return field?.replace(/^body\./, '') ?? '';
}

export interface Answer<T> {
  body: T;
  etag: string;
}

interface Options {
  body?: unknown;
  etag?: string;
  signal?: AbortSignal;
  // A POST that changes nothing: its answer need not be kept for who asks again.
  asks?: boolean;
}

// Lists that pages show and search whole: the server gives them in parts, request reads all of them.
const whole = ['agents', 'apps', 'people', 'tokens', 'join-tokens'].map((list) => '/v1/' + list);
const ofApp = /^\/v1\/apps\/[^/]+\/(?:events\/(?:learned|plan\/faults)|flags|groups|keys|limits|plans)$/;

export async function request<T>(method: string, path: string, options: Options = {}): Promise<Answer<T>> {
  const [list = '', asked] = path.split('?');
  if (method !== 'GET' || !(whole.includes(list) || ofApp.test(list))) return once<T>(method, path, options);
  const at = new URLSearchParams(asked);
  at.set('limit', '500');
  const items: unknown[] = [];
  for (;;) {
    const answer = await once<{ items: unknown[]; next?: string }>(method, `${list}?${at}`, options);
    items.push(...answer.body.items);
    if (!answer.body.next) return { body: { items } as T, etag: '' };
    at.set('after', answer.body.next);
  }
}

// once sends one request and decodes its JSON. POSTs carry an Idempotency-Key, so that a repeated click does nothing twice.
async function once<T>(method: string, path: string, options: Options): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  if (options.etag) headers['If-Match'] = options.etag;
  if (method === 'POST' && !options.asks) headers['Idempotency-Key'] = unique();
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: 'same-origin',
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal,
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new Failure(0, {});
  }
  if (!response.ok) throw new Failure(response.status, await problem(response));
  const text = await response.text();
  return { body: (text === '' ? undefined : JSON.parse(text)) as T, etag: response.headers.get('ETag') ?? '' };
}

async function problem(response: Response): Promise<Problem> {
  try {
    return (await response.json()) as Problem;
  } catch {
    return { title: response.statusText };
  }
}

// unique works off loopback without TLS too, where crypto.randomUUID is closed.
function unique(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');
}

export const get = async <T>(path: string, signal?: AbortSignal) => (await request<T>('GET', path, { signal })).body;
export const post = async <T = void>(path: string, body: unknown = {}) => (await request<T>('POST', path, { body })).body;
// ask sends a question: a POST that changes nothing.
export const ask = async <T>(path: string, body: unknown, signal?: AbortSignal) => (await request<T>('POST', path, { body, signal, asks: true })).body;
export const put = async <T = void>(path: string, body: unknown, etag?: string) =>
  (await request<T>('PUT', path, { body, etag })).body;
export const patch = async <T = void>(path: string, body: unknown, etag?: string) =>
  (await request<T>('PATCH', path, { body, etag })).body;
export const remove = async <T = void>(path: string, etag?: string) => (await request<T>('DELETE', path, { etag })).body;

// path joins segments to an address under /v1, each one escaped; query leaves out what is empty.
export function path(...segments: string[]): string {
  return '/v1/' + segments.map(encodeURIComponent).join('/');
}

export function query(parameters: Record<string, string | number | undefined>): string {
  const kept = Object.entries(parameters).filter(([, v]) => v !== undefined && v !== '');
  return kept.length === 0 ? '' : '?' + new URLSearchParams(kept.map(([k, v]) => [k, String(v)])).toString();
}
