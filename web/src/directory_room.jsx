// Who is who: organisations, their keys, and what they decide together.
import { h } from 'preact'
import * as api from './api.js'
import { Fact, Facts, Hash, Loaded, Pages, Table, Time } from './parts.jsx'

const LIMIT = 50

// A page of a list of the directory.
async function page(ledger, name, next) {
  const query = next === undefined ? `limit=${LIMIT}` : `limit=${LIMIT}&page=${next}`
  const answer = await api.getJson(api.of(ledger.id, `${name}?${query}`))
  return { items: answer[name], next: answer.next }
}

// A key's life in one word and its heights.
function life(key) {
  if (key.suspect_since_height !== undefined) return `disputed from height ${key.suspect_since_height}`
  if (key.until_height !== undefined) return `ended at height ${key.until_height}`
  return 'valid'
}

const keyColumns = ledger => [
  ['Key', key => <Hash value={key.id} to={`#/${ledger.id}/key/${key.id}`} />],
  ['Purpose', key => key.purpose],
  ['Since height', key => key.since_height],
  ['Now', life],
]

export function Organisations({ ledger }) {
  return <div>
    <h1>Organisations</h1>
    <Pages load={next => page(ledger, 'organisations', next)}>
      {items => <Table caption="In the order of their admission" rows={items}
        empty="No organisation is to be seen." columns={[
          ['Name', org => <a href={`#/${ledger.id}/organisation/${org.id}`}>{org.name}</a>],
          ['Status', org => <span class={'status ' + org.status}>{org.status}</span>],
          ['Roles', org => (org.roles || []).join(', ') || '–'],
          ['Votes', org => (org.member ? 'yes' : 'no')],
          ['Admitted at height', org => org.admitted_height],
        ]} />}
    </Pages>
  </div>
}

export function Organisation({ ledger, id }) {
  return <Loaded of={id} load={() => api.getJson(api.of(ledger.id, 'organisations', id))}>
    {org => <div>
      <h1>{org.name}</h1>
      <Facts>
        <Fact name="Id"><Hash value={org.id} whole /></Fact>
        <Fact name="Status"><span class={'status ' + org.status}>{org.status}</span></Fact>
        <Fact name="Roles">{(org.roles || []).join(', ') || '–'}</Fact>
        <Fact name="Votes">{org.member ? 'yes' : 'no'}</Fact>
        <Fact name="Version">{org.version}</Fact>
        <Fact name="Admitted at height">{org.admitted_height}</Fact>
      </Facts>
      <h2>Keys</h2>
      <Table caption="In the order of registration" columns={keyColumns(ledger)} rows={org.keys || []}
        empty="It has no key." />
    </div>}
  </Loaded>
}

export function Keys({ ledger }) {
  return <div>
    <h1>Keys</h1>
    <Pages load={next => page(ledger, 'keys', next)}>
      {items => <Table caption="One organisation after another" rows={items} empty="No key is to be seen."
        columns={[...keyColumns(ledger),
          ['Organisation', key => <Hash value={key.organisation}
            to={`#/${ledger.id}/organisation/${key.organisation}`} />]]} />}
    </Pages>
  </div>
}

export function Key({ ledger, id }) {
  return <Loaded of={id} load={() => api.getJson(api.of(ledger.id, 'keys', id))}>
    {key => <div>
      <h1>Key</h1>
      <Facts>
        <Fact name="Thumbprint (RFC 9679)"><Hash value={key.id} whole /></Fact>
        <Fact name="Organisation">
          <Hash value={key.organisation} to={`#/${ledger.id}/organisation/${key.organisation}`} />
        </Fact>
        <Fact name="Purpose">{key.purpose}</Fact>
        <Fact name="Since height">{key.since_height}</Fact>
        <Fact name="Now">{life(key)}</Fact>
        <Fact name="COSE_Key"><code class="long">{key.cose_key}</code></Fact>
      </Facts>
    </div>}
  </Loaded>
}

export function Approvals({ ledger }) {
  const voters = approval => `${approval.approvers.length} of ${approval.threshold}`
  return <div>
    <h1>Approvals</h1>
    <Pages load={next => page(ledger, 'approvals', next)}>
      {items => <Table caption="In the order of their proposal" rows={items}
        empty="Nothing was proposed yet." columns={[
          ['Act', approval => approval.act_name || approval.act_type],
          ['Proposed by', approval => <Hash value={approval.proposer}
            to={`#/${ledger.id}/organisation/${approval.proposer}`} />],
          ['Approved by', voters],
          ['Status', approval => <span class={'status ' + approval.status}>{approval.status}</span>],
          ['Until', approval => <Time value={approval.expires} />],
          ['Id', approval => <Hash value={approval.id} to={`#/${ledger.id}/transaction/${approval.id}`} />],
        ]} />}
    </Pages>
  </div>
}
