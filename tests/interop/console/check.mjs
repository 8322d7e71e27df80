// Walks the console in headless Chromium: node check.mjs URL CHROMIUM TRANSACTION. Exit 1 and a line
// for each thing that is not as it must be.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'

const require = createRequire(process.env.NODE_PATH + '/')
const { chromium } = require('playwright-core')
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')
const [url, executablePath, transaction] = process.argv.slice(2)
let failures = 0

function must(held, what) {
  if (held) return
  failures++
  console.log('FAILED ' + what)
}

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })

// A page that says when it errs or calls somebody else.
async function open(options = {}) {
  const page = await browser.newPage({ ignoreHTTPSErrors: true, ...options })
  page.setDefaultTimeout(15000)
  page.on('pageerror', error => must(false, 'the page errs: ' + error.message))
  page.on('request', request => must(request.url().startsWith(url + '/') ||
    request.url().startsWith('data:'), 'the page calls ' + request.url()))
  await page.goto(url + '/')
  await page.waitForSelector('main h1')
  return page
}

async function verdictOf(page) {
  await page.click('.proof button')
  await page.waitForSelector('.verdict, .proof .failure')
  const verdict = await page.$('.verdict')
  return verdict === null ? 'failure' : verdict.getAttribute('data-verdict')
}

async function go(page, address, heading) {
  await page.evaluate(to => { location.hash = to }, address)
  await page.waitForFunction(text => document.querySelector('main h1')?.textContent.startsWith(text), heading)
}

async function audit(page, where) {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => window.axe.run())
  for (const v of violations) must(false, `${where}: ${v.id}: ${v.nodes[0].html}`)
}

// --- a proof is drawn and checked --------------------------------------------------------------

const page = await open()
const ledger = await page.evaluate(async () => (await (await fetch('/v1/ledgers')).json()).ledgers[0])
await go(page, `#/${ledger.id}/block/3`, 'Block 3')
must(await verdictOf(page) === 'true', 'a block is not proved')
must(await page.locator('.tree .node.root').count() === 1, 'the tree has no root')
const drawn = await page.locator('.tree .node').count()
must(drawn === 2 * await page.locator('.tree .node.given').count() + 1, `${drawn} nodes are no path`)
must(await page.locator('tbody tr').count() === 1, 'the block does not show its transaction')

await go(page, `#/${ledger.id}/transaction/${transaction}`, 'Transaction')
must(await verdictOf(page) === 'true', 'a transaction is not proved')
must((await page.textContent('.verdict')).includes('its id was computed anew'), 'the id was not looked at')

// --- and a lie is found --------------------------------------------------------------------------

// Opens block 3 with `lie` told by the node about what matches `pattern`.
async function lied(pattern, lie) {
  const page = await open()
  await page.route(pattern, async route => {
    const response = await route.fetch()
    await route.fulfill({ response, body: lie(await response.body()) })
  })
  await go(page, `#/${ledger.id}/block/3`, 'Block 3')
  const verdict = await verdictOf(page)
  await page.close()
  return verdict
}
const flipped = at => bytes => {
  bytes[at] ^= 1
  return bytes
}
const changed = (from, to) => bytes => bytes.toString().replace(from, to)

must(await lied('**/tile/0/**', flipped(0)) === 'false', 'a flipped bit in a tile is proved')
must(await lied('**/blocks/3', changed(/"state_root":"../, '"state_root":"00')) !== 'true', 'a changed block is proved')
must(await lied('**/checkpoint', bytes => bytes.toString().replace(/— (\S+) (\S{10})(.)/,
  (_, name, head, c) => `— ${name} ${head}${c === 'A' ? 'B' : 'A'}`)) === 'false', 'a forged signature is taken')
must(await lied('**/checkpoint', bytes => bytes.toString().replace(/\n[0-9]+\n/, '\n12\n')) !== 'true',
  'a checkpoint of another size is taken')

// A key from elsewhere is believed before the node.
await go(page, '#/' + ledger.id, 'Ledger')
await page.click('.notekey summary')
await page.fill('.notekey input', ledger.vkey.slice(0, -6) + 'AAAAA=')
await page.click('.notekey button')
await go(page, `#/${ledger.id}/block/2`, 'Block 2')
must(await verdictOf(page) === 'false', "the node's key is believed before the user's")

// --- the rooms -----------------------------------------------------------------------------------

await page.click('nav >> text=Organisations')
await page.click('tbody a')
await page.waitForSelector('text=Admitted at height')
must(await page.locator('tbody tr').count() >= 3, 'an organisation does not show its keys')
for (const name of ['Keys', 'Approvals', 'Health']) {
  await page.click(`nav >> text=${name}`)
  await page.waitForFunction(text => document.querySelector('main h1')?.textContent === text, name)
}
await page.fill('#search', '2')
await page.press('#search', 'Enter')
await page.waitForFunction(() => document.querySelector('main h1')?.textContent === 'Block 2')
await page.fill('#search', 'nonsense')
await page.press('#search', 'Enter')
await page.waitForSelector('.search .failure')
await go(page, `#/${ledger.id}/blocks`, 'Blocks')
await page.click('text=More')
await page.waitForFunction(() => document.querySelectorAll('tbody tr').length > 20)
await page.close()

// --- by keyboard, in the dark, on a small screen, for a reader of screens --------------------------

const small = await open({ viewport: { width: 400, height: 800 }, colorScheme: 'dark' })
for (let i = 0; i < 3; i++) await small.keyboard.press('Tab')
await small.keyboard.press('Enter') // the second room
await small.waitForFunction(() => document.querySelector('main h1')?.textContent === 'Organisations')
await audit(small, 'organisations, dark')
const rooms = [['', 'Ledger'], ['/blocks', 'Blocks'], ['/block/3', 'Block 3'], ['/keys', 'Keys'], ['/health', 'Health']]
for (const [address, heading] of rooms) {
  await go(small, `#/${ledger.id}${address}`, heading)
  if (address === '/block/3') await verdictOf(small)
  const width = await small.evaluate(() => document.documentElement.scrollWidth)
  must(width <= 400, `${heading} is ${width} pixels wide on a screen of 400`)
  await audit(small, heading + ', dark')
}
await small.emulateMedia({ colorScheme: 'light' })
await audit(small, 'health, light')

await browser.close()
process.exit(failures === 0 ? 0 : 1)
