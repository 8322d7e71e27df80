// An entry's way into the signed log, computed in this browser: leaf → path → root → signature.
import * as api from './api.js'
import { equal, toHex } from './bytes.js'
import { blockEntry, transactionId } from './cbor.js'
import { fold, hashLeaf, Tiles } from './merkle.js'
import { parseCheckpoint, verifyCheckpoint } from './note.js'

const PINNED = 'cairn.vkey.'

// The note key that the user has from elsewhere, if he gave one.
export function pinnedKey(ledger) {
  return localStorage.getItem(PINNED + ledger)
}

export function pinKey(ledger, vkey) {
  if (vkey) localStorage.setItem(PINNED + ledger, vkey)
  else localStorage.removeItem(PINNED + ledger)
}

// One check: what was looked at, and whether it held (null: could not be looked at).
const check = (what, held) => ({ what, held })

async function checkSignature(ledger, checkpoint) {
  const pinned = pinnedKey(ledger.id)
  const vkey = pinned || ledger.vkey
  const whose = pinned ? 'the note key that you gave' : 'the note key that this node told'
  if (!vkey) return check('The node told no note key: the signature was not checked', null)
  try {
    return check(`The checkpoint is signed by ${whose}`, await verifyCheckpoint(checkpoint, vkey))
  } catch (error) {
    if (error.name !== 'NotSupportedError') return check(`The signature: ${error.message}`, false)
    return check('This browser knows no Ed25519: the signature was not checked', null)
  }
}

// Proof for log entry `index` whose bytes are `entry`, or null when only its hash is known.
async function prove(ledger, index, entry) {
  const checkpoint = parseCheckpoint(await api.getText(api.of(ledger.id, 'checkpoint')))
  if (index >= checkpoint.size) throw new Error('the newest checkpoint does not cover this entry yet')
  const tiles = new Tiles(checkpoint.size, path => api.getBytes(api.of(ledger.id, 'tile', path)))
  const path = await tiles.path(index)
  const leaf = entry === null ? await tiles.hash(0, index) : await hashLeaf(entry)
  const hashes = await fold(leaf, path)
  const root = hashes[hashes.length - 1]
  return {
    index, path, hashes, size: checkpoint.size,
    checks: [
      check('The checkpoint is of this ledger', checkpoint.origin === ledger.origin),
      check('The path leads to the root of the checkpoint', equal(root, checkpoint.root)),
      await checkSignature(ledger, checkpoint),
    ],
  }
}

export async function proveBlock(ledger, block) {
  const proof = await prove(ledger, block.first + block.count, blockEntry(block))
  proof.checks.unshift(check('The block entry was encoded here from what is shown above', true))
  return proof
}

// Entry `index` for those who may read it.
async function readEntry(ledger, index) {
  const bundle = await api.orNull(
    api.getBytes(api.of(ledger.id, `entries?from=${index}&count=1`)))
  return bundle === null ? null : bundle.subarray(2, 2 + bundle[0] * 256 + bundle[1])
}

export async function proveTransaction(ledger, id, index) {
  const entry = await readEntry(ledger, index)
  const proof = await prove(ledger, index, entry)
  if (entry === null)
    proof.checks.unshift(check('The entry is for members: its hash was taken from the log', null))
  else
    proof.checks.unshift(check('The entry is this transaction: its id was computed anew',
      toHex(await transactionId(entry) || []) === id))
  return proof
}

// The verdict over all checks: false when one failed, null when one could not be made.
export function verdict(proof) {
  if (proof.checks.some(c => c.held === false)) return false
  return proof.checks.some(c => c.held === null) ? null : true
}

