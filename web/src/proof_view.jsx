// A proof as a tree: the entry at the bottom, the signed root at the top, beside each step the hash
// that the log gave for the other half.
import { Component, h } from 'preact'
import { toHex } from './bytes.js'
import { Failure, Mark } from './parts.jsx'
import { verdict } from './proof.js'

const WIDTH = 360
const STEP = 64
const BOX = { width: 132, height: 30 }

function Node({ x, y, kind, hash, title }) {
  const hex = toHex(hash)
  return <g class={'node ' + kind} transform={`translate(${x - BOX.width / 2} ${y - BOX.height / 2})`}>
    <title>{title}: {hex}</title>
    <rect width={BOX.width} height={BOX.height} rx="4" />
    <text x={BOX.width / 2} y="20">{hex.substring(0, 6)}…{hex.substring(58)}</text>
  </g>
}

// The way up stays in the middle of its half: the side of the sibling decides which one.
function layout(path) {
  const xs = path.map(step => (step.side === 'left' ? WIDTH * 3 / 4 : WIDTH / 4))
  return [...xs, WIDTH / 2]
}

function Tree({ proof }) {
  const { path, hashes } = proof
  const height = (path.length + 1) * STEP
  const xs = layout(path)
  const y = level => height - STEP / 2 - level * STEP
  return <svg class="tree" viewBox={`0 0 ${WIDTH} ${height}`} role="img"
    aria-label={`Merkle tree: entry ${proof.index}, ${path.length} steps to the root of ${proof.size} entries`}>
    {path.map((step, level) => <g class="edges">
      <line x1={xs[level]} y1={y(level)} x2={xs[level + 1]} y2={y(level + 1)} />
      <line x1={WIDTH - xs[level]} y1={y(level)} x2={xs[level + 1]} y2={y(level + 1)} />
    </g>)}
    {path.map((step, level) => <Node x={WIDTH - xs[level]} y={y(level)} kind="given" hash={step.hash}
      title={`given by the log, entries ${step.from} to ${step.to - 1}`} />)}
    {hashes.map((hash, level) => <Node x={xs[level]} y={y(level)} hash={hash}
      kind={level === 0 ? 'leaf' : level === path.length ? 'root' : 'computed'}
      title={level === 0 ? `entry ${proof.index}` : level === path.length ? 'root' : 'computed here'} />)}
  </svg>
}

function Steps({ proof }) {
  return <details>
    <summary>The same as a list</summary>
    <ol class="steps">
      <li>entry {proof.index}: <code>{toHex(proof.hashes[0])}</code></li>
      {proof.path.map((step, i) => <li>
        with <code>{toHex(step.hash)}</code> on the {step.side} (entries {step.from} to {step.to - 1}):{' '}
        <code>{toHex(proof.hashes[i + 1])}</code>
      </li>)}
    </ol>
  </details>
}

const WORDS = new Map([
  [true, 'Proved: it is in the signed log.'],
  [null, 'In the log, as far as could be checked.'],
  [false, 'Not proved.'],
])

function Verdict({ proof }) {
  const held = verdict(proof)
  return <div class="verdict" data-verdict={String(held)}>
    <p role="status"><Mark held={held} /> <strong>{WORDS.get(held)}</strong></p>
    <ul>{proof.checks.map(c => <li><Mark held={c.held} /> {c.what}</li>)}</ul>
  </div>
}

// `make` fetches and computes; it is asked when the user wants to see.
export class ProofView extends Component {
  async start() {
    this.setState({ busy: true, error: undefined })
    try {
      this.setState({ proof: await this.props.make(), busy: false })
    } catch (error) {
      this.setState({ error, busy: false })
    }
  }

  render({ what }, { proof, busy, error }) {
    return <section class="proof">
      <h2>Proof</h2>
      <p class="quiet">Made and checked in this browser, from the public tiles and the checkpoint.</p>
      <button onClick={() => this.start()} disabled={busy}>
        {proof ? 'Check again' : `Check that this ${what} is in the log`}
      </button>
      {error ? <Failure error={error} /> : null}
      {proof ? <Verdict proof={proof} /> : null}
      {proof ? <Tree proof={proof} /> : null}
      {proof ? <Steps proof={proof} /> : null}
    </section>
  }
}
