// The ledger: where it stands, its blocks, one block, one transaction.
import { Component, h } from 'preact'
import * as api from './api.js'
import { Fact, Facts, Hash, Loaded, Pages, Table, Time } from './parts.jsx'
import { pinKey, pinnedKey, proveBlock, proveTransaction } from './proof.js'
import { ProofView } from './proof_view.jsx'

const REFRESH_MS = 3000

const blockColumns = ledger => [
  ['Height', block => <a href={`#/${ledger.id}/block/${block.height}`}>{block.height}</a>],
  ['Time', block => <Time value={block.time} />],
  ['Transactions', block => block.count],
  ['Log index', block => block.first],
  ['State root', block => <Hash value={block.state_root} />],
]

export function Ledger({ ledger }) {
  return <div>
    <Loaded of={ledger.id} every={REFRESH_MS} load={() => api.getJson(api.of(ledger.id))}>
      {now => <div>
        <h1>Ledger</h1>
        <Facts>
          <Fact name="Id"><Hash value={now.id} whole /></Fact>
          <Fact name="Height">{now.height}</Fact>
          <Fact name="Last block"><Time value={now.time} /></Fact>
          <Fact name="Log entries">{now.log_size}</Fact>
          <Fact name="Log root"><Hash value={now.log_root} /></Fact>
          <Fact name="State root"><Hash value={now.state_root} /></Fact>
          <Fact name="Application version">{now.app_version}</Fact>
        </Facts>
      </div>}
    </Loaded>
    <NoteKey ledger={ledger} />
    <h2>Blocks</h2>
    <Loaded of={ledger.id} every={REFRESH_MS} load={() => blocks(ledger)}>
      {page => <Table caption="The newest blocks" columns={blockColumns(ledger)} rows={page.items}
        empty="There is no block yet." />}
    </Loaded>
    <p><a href={`#/${ledger.id}/blocks`}>All blocks</a></p>
  </div>
}

async function blocks(ledger, before) {
  const query = before === undefined ? 'limit=20' : `limit=20&before=${before}`
  const page = await api.getJson(api.of(ledger.id, 'blocks?' + query))
  return { items: page.blocks, next: page.next }
}

export function Blocks({ ledger }) {
  return <div>
    <h1>Blocks</h1>
    <Pages load={next => blocks(ledger, next)}>
      {items => <Table caption="Blocks, the newest first" columns={blockColumns(ledger)} rows={items}
        empty="There is no block yet." />}
    </Pages>
  </div>
}

export function Block({ ledger, height }) {
  return <Loaded of={height} load={() => api.getJson(api.of(ledger.id, 'blocks', height))}>
    {block => <div>
      <h1>Block {block.height}</h1>
      <Facts>
        <Fact name="Time"><Time value={block.time} /></Fact>
        <Fact name="Transactions">{block.count}</Fact>
        <Fact name="Log index of its entry">{block.first + block.count}</Fact>
        <Fact name="State root"><Hash value={block.state_root} whole /></Fact>
        <Fact name="Config root"><Hash value={block.config_root} whole /></Fact>
        <Fact name="Results root"><Hash value={block.results_root} whole /></Fact>
      </Facts>
      <ProofView what="block" make={() => proveBlock(ledger, block)} />
      <h2>Transactions</h2>
      {block.transactions === undefined
        ? <p class="quiet">What a block's transactions are is told to members: sign in for it.</p>
        : <Table caption="In their order" empty="None was accepted." rows={block.transactions} columns={[
          ['Id', tx => <Hash value={tx.transaction} to={`#/${ledger.id}/transaction/${tx.transaction}`} />],
          ['Type', tx => tx.name || tx.type],
          ['Index', tx => tx.index],
          ['Signed by', tx => <Hash value={tx.key} to={`#/${ledger.id}/key/${tx.key}`} />],
          ['Bytes', tx => tx.size],
        ]} />}
    </div>}
  </Loaded>
}

export function Transaction({ ledger, id }) {
  return <Loaded of={id} load={() => api.getJson(api.of(ledger.id, 'transactions', id))}>
    {tx => <div>
      <h1>Transaction</h1>
      <Facts>
        <Fact name="Id"><Hash value={tx.transaction} whole /></Fact>
        <Fact name="Status"><strong>{tx.status}</strong>{tx.code ? <code> {tx.code}</code> : null}</Fact>
        {tx.height === undefined ? null
          : <Fact name="Block"><a href={`#/${ledger.id}/block/${tx.height}`}>{tx.height}</a></Fact>}
        {tx.index === undefined ? null : <Fact name="Log index">{tx.index}</Fact>}
        {tx.receipt === undefined ? null : <Fact name="Receipt">
          <a download={id + '.cose'} href={'data:application/cose;base64,' + tx.receipt}>save the COSE receipt</a>
        </Fact>}
      </Facts>
      {tx.status === 'accepted'
        ? <ProofView what="transaction" make={() => proveTransaction(ledger, id, tx.index)} /> : null}
    </div>}
  </Loaded>
}

// Whoever takes the log's key from the node that shows him the log has proved little: he may give the
// one that he has from elsewhere.
class NoteKey extends Component {
  keep(event) {
    event.preventDefault()
    pinKey(this.props.ledger.id, this.field.value.trim())
    this.setState({ saved: true })
  }

  render({ ledger }, { saved }) {
    return <details class="notekey">
      <summary>Note key of the log</summary>
      <p>This node says: <code class="long">{ledger.vkey || 'none'}</code></p>
      <p>Proofs count for more with the key that you have from elsewhere
        (<code>cairn log export</code> writes it):</p>
      <form onSubmit={event => this.keep(event)}>
        <label>Note key
          <input ref={field => { this.field = field }} value={pinnedKey(ledger.id) || ''} autocomplete="off" />
        </label>
        <button>Keep in this browser</button>
      </form>
      {saved ? <p role="status">Kept. Proofs are checked with it from now on.</p> : null}
    </details>
  }
}
