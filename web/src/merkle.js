// RFC 6962 over C2SP tlog-tiles: the inclusion proof of one entry, made here from public tiles and
// folded here to the root that the checkpoint signs. Nothing is taken on the node's word.
import { concat, sha256 } from './bytes.js'

const TILE_WIDTH = 256
const HASH_SIZE = 32

export function hashLeaf(entry) {
  return sha256(concat([0], entry))
}

export function hashNode(left, right) {
  return sha256(concat([1], left, right))
}

// "x001/x234/067": three digits a group.
function tileNumber(number) {
  let path = String(number % 1000).padStart(3, '0')
  for (let rest = Math.floor(number / 1000); rest > 0; rest = Math.floor(rest / 1000))
    path = 'x' + String(rest % 1000).padStart(3, '0') + '/' + path
  return path
}

export function tilePath(level, tile, width) {
  const path = level + '/' + tileNumber(tile)
  return width === TILE_WIDTH ? path : path + '.p/' + width
}

// Reads tiles of the tree of `size` entries; each is fetched once.
export class Tiles {
  constructor(size, fetchTile) {
    this.size = size
    this.fetchTile = fetchTile
    this.kept = new Map()
  }

  // Hash number `index` of tile level `level`: the root of 256^level entries.
  async hash(level, index) {
    const tile = Math.floor(index / TILE_WIDTH)
    const there = Math.floor(this.size / TILE_WIDTH ** level)
    const width = Math.min(TILE_WIDTH, there - tile * TILE_WIDTH)
    const path = tilePath(level, tile, width)
    if (!this.kept.has(path)) this.kept.set(path, this.fetchTile(path))
    const bytes = await this.kept.get(path)
    if (bytes.length !== width * HASH_SIZE) throw new Error(`tile ${path} has ${bytes.length} bytes`)
    const at = (index % TILE_WIDTH) * HASH_SIZE
    return bytes.subarray(at, at + HASH_SIZE)
  }

  // Root of the entries from `from` to before `to`.
  async root(from, to) {
    const count = to - from
    let level = 0
    while (count % TILE_WIDTH ** (level + 1) === 0 && from % TILE_WIDTH ** (level + 1) === 0) level++
    if (count === TILE_WIDTH ** level) return this.hash(level, from / count)
    const middle = from + split(count)
    return hashNode(await this.root(from, middle), await this.root(middle, to))
  }

  // Siblings of entry `index` from the leaf up: {side, from, to, hash}.
  async path(index, from = 0, to = this.size) {
    if (to - from === 1) return []
    const middle = from + split(to - from)
    if (index < middle)
      return [...await this.path(index, from, middle),
        { side: 'right', from: middle, to, hash: await this.root(middle, to) }]
    return [...await this.path(index, middle, to),
      { side: 'left', from, to: middle, hash: await this.root(from, middle) }]
  }
}

// The largest power of two below `count`.
function split(count) {
  let power = 1
  while (power * 2 < count) power *= 2
  return power
}

// Folds a leaf along its path; returns the hash after each step, the root last.
export async function fold(leaf, path) {
  const hashes = [leaf]
  for (const step of path) {
    const below = hashes[hashes.length - 1]
    hashes.push(await (step.side === 'left' ? hashNode(step.hash, below) : hashNode(below, step.hash)))
  }
  return hashes
}
