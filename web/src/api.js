// Calls to the node that served this page, and to nobody else. api/openapi.yaml is the contract.

const TOKEN = 'cairn.token'

export function token() {
  return sessionStorage.getItem(TOKEN)
}

export function setToken(text) {
  if (text) sessionStorage.setItem(TOKEN, text)
  else sessionStorage.removeItem(TOKEN)
}

// A refusal: `code` is the stable name.
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail || document.title)
    this.status = status
    this.code = document.code
  }
}

async function call(path, accept) {
  const headers = { Accept: accept }
  if (token()) headers.Authorization = 'Bearer ' + token()
  const response = await fetch(path, { headers, cache: 'no-cache' })
  if (response.ok) return response
  let document = { title: response.statusText || 'refused', code: 'HTTP_' + response.status }
  if ((response.headers.get('Content-Type') || '').startsWith('application/problem+json'))
    document = await response.json()
  throw new Problem(response.status, document)
}

export async function getJson(path) {
  return (await call(path, 'application/json')).json()
}

export async function getText(path) {
  return (await call(path, '*/*')).text()
}

export async function getBytes(path) {
  return new Uint8Array(await (await call(path, 'application/octet-stream')).arrayBuffer())
}

// Null where the node says that there is nothing (for this caller).
export async function orNull(promise) {
  try {
    return await promise
  } catch (error) {
    if (error instanceof Problem && [401, 403, 404].includes(error.status)) return null
    throw error
  }
}

// The path of something of a ledger.
export function of(ledger, ...parts) {
  return ['/v1/ledgers', ledger, ...parts].join('/')
}
