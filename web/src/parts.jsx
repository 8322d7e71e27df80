// Small things that every room is made of.
import { Component, h } from 'preact'

// A long hexadecimal name: short on screen, whole in the title and when copied; a link where `to` is.
export function Hash({ value, to, whole }) {
  const text = whole ? value : value.substring(0, 8) + '…' + value.substring(value.length - 8)
  return to ? <a class="hash" title={value} href={to}>{text}</a>
    : <code class="hash" title={value}>{text}</code>
}

export function Time({ value }) {
  return <time datetime={value} title={value}>{value.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')}</time>
}

// Yes, no, or could not be looked at. Never by colour alone.
export function Mark({ held }) {
  const [name, sign, word] = held === null ? ['open', '?', 'not checked']
    : held ? ['yes', '✓', 'holds'] : ['no', '✗', 'does not hold']
  return <span class={'mark ' + name} role="img" aria-label={word}>{sign}</span>
}

export function Facts({ children }) {
  return <dl class="facts">{children}</dl>
}

export function Fact({ name, children }) {
  return <div><dt>{name}</dt><dd>{children}</dd></div>
}

export function Failure({ error }) {
  return <p class="failure" role="alert">
    {error.message}{error.code ? <code> {error.code}</code> : null}
  </p>
}

// Columns are [heading, row => cell]; narrow screens show each row as a card with the headings.
export function Table({ caption, columns, rows, empty }) {
  if (rows.length === 0) return <p class="quiet">{empty}</p>
  return <table>
    <caption>{caption}</caption>
    <thead><tr>{columns.map(([heading]) => <th scope="col">{heading}</th>)}</tr></thead>
    <tbody>{rows.map(row => <tr>
      {columns.map(([heading, cell]) => <td data-heading={heading}>{cell(row)}</td>)}
    </tr>)}</tbody>
  </table>
}

// Loads with `load()` when it appears, whenever `of` changes and, with `every`, again after so many
// milliseconds while the page is seen; renders with children[0](what was loaded, reload).
export class Loaded extends Component {
  componentDidMount() {
    this.start(this.props)
    if (this.props.every)
      this.timer = setInterval(() => document.hidden || this.start(this.props), this.props.every)
  }

  componentWillReceiveProps(next) {
    if (next.of === this.props.of) return
    this.setState({ value: undefined, error: undefined })
    this.start(next)
  }

  componentWillUnmount() {
    clearInterval(this.timer)
    this.gone = true
  }

  // What comes late for something that is no longer asked for is dropped.
  async start(props) {
    const asked = this.asked = {}
    let state
    try {
      state = { value: await props.load(), error: undefined }
    } catch (error) {
      state = { error }
    }
    if (!this.gone && this.asked === asked) this.setState(state)
  }

  render({ children }, { value, error }) {
    if (error !== undefined && value === undefined) return <Failure error={error} />
    if (value === undefined) return <p class="quiet" role="status">Loading…</p>
    const content = children[0] || children // a list in preact 8, the function itself later
    return <div>
      {error === undefined ? null : <Failure error={error} />}
      {content(value, () => this.start(this.props))}
    </div>
  }
}

// A list that grows page by page: `load(next)` gives {items, next}.
export class Pages extends Component {
  constructor(props) {
    super(props)
    this.state = { items: [], next: undefined, more: true }
  }

  componentDidMount() {
    this.load()
  }

  async load() {
    this.setState({ busy: true, error: undefined })
    try {
      const page = await this.props.load(this.state.next)
      this.setState({
        items: this.state.items.concat(page.items), next: page.next,
        more: page.next !== undefined, busy: false,
      })
    } catch (error) {
      this.setState({ error, busy: false })
    }
  }

  render({ children }, { items, more, busy, error }) {
    const content = children[0] || children
    return <div>
      {error ? <Failure error={error} /> : null}
      {busy && items.length === 0 ? <p class="quiet" role="status">Loading…</p> : content(items)}
      {more && !busy && !error ? <button onClick={() => this.load()}>More</button> : null}
    </div>
  }
}
