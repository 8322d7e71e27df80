// The deterministic CBOR that a proof needs: a block entry is encoded anew from what the node told,
// and a transaction is taken apart far enough to compute its id. RFC 8949 section 4.2.1.
import { concat, fromHex, fromUtf8, sha256 } from './bytes.js'

function head(major, number) {
  const type = major << 5
  if (number < 24) return [type | number]
  if (number < 0x100) return [type | 24, number]
  if (number < 0x10000) return [type | 25, number >> 8, number & 0xff]
  const bytes = []
  for (let rest = number, i = 0; i < (number < 0x100000000 ? 4 : 8); i++) {
    bytes.unshift(rest % 256)
    rest = Math.floor(rest / 256)
  }
  return [type | (bytes.length === 4 ? 26 : 27), ...bytes]
}

// A whole number, a text, bytes, or a list of these.
export function encode(item) {
  if (typeof item === 'number') return Uint8Array.from(head(0, item))
  if (typeof item === 'string') {
    const text = fromUtf8(item)
    return concat(head(3, text.length), text)
  }
  if (item instanceof Uint8Array) return concat(head(2, item.length), item)
  return concat(head(4, item.length), ...item.map(encode))
}

// docs/formats/block-entry.md
export function blockEntry(block) {
  return encode(['cairn/block/1', block.height, Date.parse(block.time), block.first, block.count,
    fromHex(block.state_root), fromHex(block.config_root), fromHex(block.results_root)])
}

// The byte strings that stand at `offset`, one after another.
function byteStrings(bytes, offset, count) {
  const found = []
  for (let i = 0; i < count; i++) {
    const first = bytes[offset++]
    let size = first & 31
    if (first >> 5 !== 2 || size > 25) return null
    if (size === 24) size = bytes[offset++]
    else if (size === 25) {
      size = bytes[offset] * 256 + bytes[offset + 1]
      offset += 2
    }
    found.push(bytes.subarray(offset, offset + size))
    offset += size
    if (i === 0 && bytes[offset++] !== 0xa0) return null // the unprotected header is empty
  }
  return offset === bytes.length ? found : null
}

// Id of a transaction: SHA-256 of its Sig_structure (docs/formats/transaction.md); null when `entry`
// is none.
export async function transactionId(entry) {
  if (entry[0] !== 0xd2 || entry[1] !== 0x84) return null
  const parts = byteStrings(entry, 2, 3)
  if (parts === null) return null
  return sha256(encode(['Signature1', parts[0], new Uint8Array(0), parts[1]]))
}
