// The console: one page, a room for each kind of thing, found by the address behind '#'.
//
//   #/<ledger>                       the ledger            #/<ledger>/organisations, /organisation/<id>
//   #/<ledger>/blocks, /block/<n>    its blocks            #/<ledger>/keys, /key/<id>
//   #/<ledger>/transaction/<id>      one transaction       #/<ledger>/approvals, /health
import { Component, h, render } from 'preact'
import * as api from './api.js'
import { Approvals, Key, Keys, Organisation, Organisations } from './directory_room.jsx'
import { Health } from './health_room.jsx'
import { Block, Blocks, Ledger, Transaction } from './ledger_room.jsx'
import { Failure, Loaded } from './parts.jsx'

// name → (ledger, argument) → what is shown
const rooms = {
  '': ledger => <Ledger ledger={ledger} />,
  blocks: ledger => <Blocks ledger={ledger} />,
  block: (ledger, height) => <Block ledger={ledger} height={height} />,
  transaction: (ledger, id) => <Transaction ledger={ledger} id={id} />,
  organisations: ledger => <Organisations ledger={ledger} />,
  organisation: (ledger, id) => <Organisation ledger={ledger} id={id} />,
  keys: ledger => <Keys ledger={ledger} />,
  key: (ledger, id) => <Key ledger={ledger} id={id} />,
  approvals: ledger => <Approvals ledger={ledger} />,
  health: () => <Health />,
}

const tabs = [['', 'Ledger'], ['organisations', 'Organisations'], ['keys', 'Keys'],
  ['approvals', 'Approvals'], ['health', 'Health']]

const family = { blocks: '', block: '', transaction: '', organisation: 'organisations', key: 'keys' }

function place() {
  const [ledger = '', room = '', argument = ''] = location.hash.replace(/^#\//, '').split('/')
  return { ledger, room, argument: decodeURIComponent(argument) }
}

// Where a search leads: a height, or 64 digits that name a transaction, an organisation or a key.
async function find(ledger, text) {
  if (/^[0-9]{1,16}$/.test(text)) return 'block/' + text
  const id = text.toLowerCase()
  if (!/^[0-9a-f]{64}$/.test(id)) throw new Error('Search for a height or an id of 64 digits.')
  if (await api.orNull(api.getJson(api.of(ledger.id, 'organisations', id)))) return 'organisation/' + id
  if (await api.orNull(api.getJson(api.of(ledger.id, 'keys', id)))) return 'key/' + id
  return 'transaction/' + id
}

class Search extends Component {
  async go(event) {
    event.preventDefault()
    try {
      location.hash = `#/${this.props.ledger.id}/${await find(this.props.ledger, this.field.value.trim())}`
      this.setState({ error: undefined })
    } catch (error) {
      this.setState({ error })
    }
  }

  render(_, { error }) {
    return <form class="search" role="search" onSubmit={event => this.go(event)}>
      <label class="unseen" for="search">Height or id</label>
      <input id="search" type="search" placeholder="Height or id" autocomplete="off"
        ref={field => { this.field = field }} />
      <button>Find</button>
      {error ? <Failure error={error} /> : null}
    </form>
  }
}

class SignIn extends Component {
  keep(event, text) {
    event.preventDefault()
    api.setToken(text)
    this.props.changed()
  }

  render() {
    if (api.token())
      return <button onClick={event => this.keep(event, '')}>Sign out</button>
    return <details class="signin">
      <summary>Sign in</summary>
      <form onSubmit={event => this.keep(event, this.field.value.trim())}>
        <label>Access token
          <input type="password" ref={field => { this.field = field }} autocomplete="off" />
        </label>
        <button>Sign in</button>
      </form>
      <p class="quiet">From the node's token endpoint. It is forgotten with this tab. A client certificate
        in the browser does as well.</p>
    </details>
  }
}

function Navigation({ ledger, room }) {
  const current = room in family ? family[room] : room
  return <nav aria-label="Rooms">
    {tabs.map(([name, title]) => <a href={`#/${ledger.id}${name ? '/' + name : ''}`}
      aria-current={name === current ? 'page' : null}>{title}</a>)}
  </nav>
}

function Chooser({ ledgers, ledger }) {
  if (ledgers.length < 2) return null
  return <label class="chooser">Ledger
    <select onChange={event => { location.hash = '#/' + event.target.value }}>
      {ledgers.map(l => <option value={l.id} selected={l.id === ledger.id}>{l.id.substring(0, 16)}…</option>)}
    </select>
  </label>
}

class App extends Component {
  constructor() {
    super()
    this.state = { ...place(), caller: 0 }
  }

  componentDidMount() {
    addEventListener('hashchange', () => {
      this.setState(place())
      document.getElementById('room').focus()
    })
  }

  // Where the address names no ledger that is here, the first one.
  page(ledgers, { ledger: id, room, argument, caller }) {
    const ledger = ledgers.find(l => l.id === id) || ledgers[0]
    const show = rooms[room]
    if (ledger === undefined) return <main id="room" tabindex="-1"><p>No ledger is to be seen here.</p></main>
    return <div>
      <header>
        <a class="name" href={'#/' + ledger.id}><img src="/console/icon.svg" alt="" width="20" height="20" /> Cairn</a>
        <Navigation ledger={ledger} room={room} />
        <Search ledger={ledger} />
        <Chooser ledgers={ledgers} ledger={ledger} />
        <SignIn changed={() => this.setState({ caller: caller + 1 })} />
      </header>
      <main id="room" tabindex="-1" key={`${caller}/${ledger.id}/${room}/${argument}`}>
        {show ? show(ledger, argument) : <p>There is no such room.</p>}
      </main>
    </div>
  }

  render(_, state) {
    return <Loaded of={'ledgers' + state.caller} load={() => api.getJson('/v1/ledgers')}>
      {({ ledgers }) => this.page(ledgers, state)}
    </Loaded>
  }
}

render(<App />, document.getElementById('app'))
