// C2SP signed notes and tlog-checkpoints: what the log signs, checked with the log's note key.
import { concat, equal, fromBase64, fromUtf8, sha256 } from './bytes.js'

const ED25519 = 1

// "name+hash+key" to {name, id, key}; throws when it is none.
export async function parseKey(vkey) {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(vkey.trim())
  if (match === null) throw new Error('this is no note key')
  const key = fromBase64(match[3])
  const id = (await sha256(concat(fromUtf8(match[1] + '\n'), key))).subarray(0, 4)
  if (key[0] !== ED25519 || key.length !== 33) throw new Error('this note key is not Ed25519')
  if (Array.from(id, b => b.toString(16).padStart(2, '0')).join('') !== match[2])
    throw new Error('the hash in this note key is not that of its key')
  return { name: match[1], id, key: key.subarray(1) }
}

// {origin, size, root, text, signatures: [{name, id, bytes}]}; throws when it is none.
export function parseCheckpoint(note) {
  const end = note.lastIndexOf('\n\n')
  const text = note.substring(0, end + 1)
  const lines = text.split('\n')
  if (end < 0 || lines.length < 4 || !/^(0|[1-9][0-9]{0,15})$/.test(lines[1]))
    throw new Error('the node sent no checkpoint')
  const signatures = note.substring(end + 2).split('\n').filter(line => line !== '').map(line => {
    const [dash, name, blob] = line.split(' ')
    if (dash !== '—' || blob === undefined) throw new Error('a signature line is malformed')
    const bytes = fromBase64(blob)
    return { name, id: bytes.subarray(0, 4), bytes: bytes.subarray(4) }
  })
  return { origin: lines[0], size: Number(lines[1]), root: fromBase64(lines[2]), text, signatures }
}

// Is the checkpoint signed by the key that `vkey` names?
export async function verifyCheckpoint(checkpoint, vkey) {
  const { name, id, key } = await parseKey(vkey)
  const line = checkpoint.signatures.find(s => s.name === name && equal(s.id, id))
  if (line === undefined || name !== checkpoint.origin) return false
  const imported = await crypto.subtle.importKey('raw', key, { name: 'Ed25519' }, false, ['verify'])
  return crypto.subtle.verify({ name: 'Ed25519' }, imported, line.bytes, fromUtf8(checkpoint.text))
}
