// Checks state proofs of presence (docs/formats/receipt.md) with @confio/ics23, the JavaScript
// implementation of ICS-23:
//
//   NODE_PATH=.../node_modules node check.js FILE.present...
//
// Release 0.6.8 has an older SmtSpec, whose keys come hashed already (prehashKey NO_HASH): the
// leaf's bytes are the same. It lacks the rule of the empty sibling, so absence is not asked.
'use strict';
const { createHash } = require('crypto');
const { readFileSync } = require('fs');
const { ics23, verifyMembership } = require('@confio/ics23');
const { smtSpec } = require('@confio/ics23/build/proofs');

// The few items of deterministic CBOR that the formats use.
function readCbor(bytes) {
  let at = 0;
  function item() {
    const first = bytes[at++];
    const width = (first & 31) < 24 ? 0 : 1 << ((first & 31) - 24);
    let value = width === 0 ? first & 31 : 0;
    for (let i = 0; i < width; i++) value = value * 256 + bytes[at++];
    switch (first >> 5) {
      case 0:
        return value;
      case 2:
      case 3: {
        const content = bytes.subarray(at, (at += value));
        return first >> 5 === 2 ? content : content.toString('utf8');
      }
      case 4:
        return Array.from({ length: value }, item);
      default:
        if (first === 0xf6) return null;
        throw new Error(`CBOR item ${first} at ${at}`);
    }
  }
  const whole = item();
  if (at !== bytes.length) throw new Error('bytes follow the CBOR item');
  return whole;
}

function readClaim(path) {
  const [tag, map, key, value, proof, blockEntry] = readCbor(readFileSync(path));
  const [blockTag, , , , , stateRoot, configRoot] = readCbor(blockEntry);
  if (tag !== 'cairn/state-proof/1' || blockTag !== 'cairn/block/1') throw new Error(`${path}: tag`);
  const hashedKey = createHash('sha256').update(key).digest();
  const decoded = ics23.CommitmentProof.decode(proof);
  decoded.exist.leaf.prehashKey = ics23.HashOp.NO_HASH;
  decoded.exist.key = hashedKey;
  return { root: map === 0 ? stateRoot : configRoot, key: hashedKey, value, proof: decoded };
}

function holds({ root, key, value, proof }) {
  return verifyMembership(proof, smtSpec, root, key, value);
}

// Each bit of `bytes` changed in turn, by a function of its own that sees the change.
function eachFlip(bytes, see) {
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3] ^= 1 << (bit & 7);
    see(bit);
    bytes[bit >> 3] ^= 1 << (bit & 7);
  }
}

let lies = 0;
let failures = 0;
const paths = process.argv.slice(2);
for (const path of paths) {
  const claim = readClaim(path);
  const failed = (what) => {
    console.log(path, what);
    failures++;
  };
  if (!holds(claim)) failed('is refused');
  for (const name of ['root', 'key', 'value']) {
    const own = Buffer.from(claim[name]);
    eachFlip(own, (bit) => {
      lies++;
      if (holds({ ...claim, [name]: own })) failed(`verifies with bit ${bit} of the ${name} changed`);
    });
  }
  claim.proof.exist.path.forEach((step, place) => {
    for (const name of ['prefix', 'suffix']) {
      const own = (step[name] = Buffer.from(step[name]));
      eachFlip(own, (bit) => {
        lies++;
        if (holds(claim)) failed(`verifies with bit ${bit} of ${name} ${place} changed`);
      });
    }
  });
}
console.log(`${paths.length} present, ${lies} false claims, ${failures} failures`);
process.exit(failures === 0 && paths.length > 0 ? 0 : 1);
