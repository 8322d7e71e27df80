// Bytes and their two spellings.

export function fromHex(text) {
  const out = new Uint8Array(text.length / 2)
  for (let i = 0; i < out.length; i++) out[i] = parseInt(text.substr(2 * i, 2), 16)
  return out
}

export function toHex(bytes) {
  return Array.from(bytes, b => b.toString(16).padStart(2, '0')).join('')
}

export function fromBase64(text) {
  return Uint8Array.from(atob(text), c => c.charCodeAt(0))
}

export function fromUtf8(text) {
  return new TextEncoder().encode(text)
}

export function concat(...parts) {
  const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

export function equal(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
}
