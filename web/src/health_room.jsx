// How the node is: alive, ready, and its figures.
import { h } from 'preact'
import * as api from './api.js'
import { Fact, Facts, Loaded, Mark, Table } from './parts.jsx'

const REFRESH_MS = 5000

async function answers(path) {
  try {
    await api.getJson(path)
    return { held: true, word: 'yes' }
  } catch (error) {
    return { held: false, word: error.message }
  }
}

// OpenMetrics text to rows of {name, labels, value}.
export function parseMetrics(text) {
  return text.split('\n').filter(line => line !== '' && !line.startsWith('#')).map(line => {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line)
    return match && { name: match[1], labels: match[2] || '', value: match[3] }
  }).filter(row => row !== null)
}

async function load() {
  const [alive, ready, metrics] = await Promise.all([
    answers('/healthz'), answers('/readyz'), api.orNull(api.getText('/metrics'))])
  return { alive, ready, rows: metrics === null ? null : parseMetrics(metrics) }
}

export function Health() {
  return <Loaded of="health" every={REFRESH_MS} load={load}>
    {({ alive, ready, rows }) => <div>
      <h1>Health</h1>
      <Facts>
        <Fact name="Alive"><Mark held={alive.held} /> {alive.word}</Fact>
        <Fact name="Takes transactions"><Mark held={ready.held} /> {ready.word}</Fact>
      </Facts>
      <h2>Figures</h2>
      {rows === null ? <p class="quiet">For callers who may read them: sign in.</p>
        : <Table caption="As /metrics tells them" rows={rows} empty="There are none." columns={[
          ['Name', row => <code>{row.name}</code>],
          ['Of', row => row.labels],
          ['Value', row => row.value],
        ]} />}
    </div>}
  </Loaded>
}
