// Calls to the server that the page came from.

const TIMEOUT = 35_000;

/** What the server said of a call that it refused, or that there was no answer. */
export class Problem extends Error {
  /**
   * @param {number} status 0 when there was no answer
   * @param {string} detail
   * @param {string} [kind]
   * @param {number} [retryAfter] milliseconds, where the server said so
   */
  constructor(status, detail, kind = '', retryAfter = undefined) {
    super(detail);
    this.status = status;
    this.kind = kind;
    this.retryAfter = retryAfter;
  }
}

/** @type {() => void} */
let onUnauthenticated = () => {};

/**
 * Says what is to be done when the cookie is no longer good.
 *
 * @param {() => void} listener
 */
export function whenLoggedOut(listener) {
  onUnauthenticated = listener;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{ body?: unknown, once?: string, match?: number, timeout?: number, signal?: AbortSignal }} [options] `once` names the
 *   call, so that it is done once however often it is sent; `match` is the revision that is changed, and no other
 * @returns {Promise<Response>}
 */
export async function call(method, path, options = {}) {
  const { body, once, match, timeout = TIMEOUT, signal } = options;
  /** @type {Record<string, string>} */
  const headers = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (once) headers['Idempotency-Key'] = once;
  if (match !== undefined) headers['If-Match'] = `"${match}"`;
  const limit = AbortSignal.timeout(timeout);
  const request = {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
  };
  let response;
  try {
    response = await fetch(path, request);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, 'The server does not answer.');
  }
  if (response.ok) return response;
  throw await problemOf(response);
}

/** @param {Response} response */
async function problemOf(response) {
  const document = await response.json().catch(() => ({}));
  if (response.status === 401) onUnauthenticated();
  const seconds = Number(response.headers.get('Retry-After') ?? NaN);
  const retry = Number.isFinite(seconds) ? Math.max(250, seconds * 1_000) : undefined;
  return new Problem(response.status, document.detail ?? `The server answered ${response.status}.`, document.type, retry);
}

/**
 * @template T
 * @param {string} path
 * @param {{ timeout?: number, signal?: AbortSignal }} [options]
 * @returns {Promise<T>}
 */
export async function get(path, options) {
  const response = await call('GET', path, options);
  return response.json();
}

/**
 * @template T
 * @param {string} path
 * @param {unknown} [body]
 * @param {string} [once]
 * @returns {Promise<T>}
 */
export async function post(path, body, once) {
  const response = await call('POST', path, { body, once });
  return response.status === 204 ? /** @type {T} */ (undefined) : response.json();
}

/** Names a call. `randomUUID` is not there for a page that came without TLS from another machine. */
export const callName = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * What went wrong, for a person.
 *
 * @param {unknown} error
 */
export const told = (error) => (error instanceof Error ? error.message : String(error));
