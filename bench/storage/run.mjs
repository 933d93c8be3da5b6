// The store beside those of other Yjs servers: what it weighs after a real text was typed keystroke by
// keystroke, how long a cold load of that document takes, what a durable commit costs, how a node
// starts on a million entries, and what asking for one document's history there costs beside looking
// for its entries in all logs. All in one run, as ratios.
//
//     node run.mjs --bin build/release/bin [--dir DIR] [--edits N] [--entries N --documents N]
//
// The text is josephg/editing-traces' automerge-paper (259,778 edits), in $COTERIE_TRACES or in
// ../shared/traces beside the source tree; without it, generated edits. Commits are measured in DIR
// (default: below build), whose disk decides; what is only weighed or loaded is made in memory.

import { execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'

import { loadTrace } from '../../tests/e2e/lib/trace.mjs'
import { randomFrom } from '../../tests/e2e/lib/random.mjs'

const require = createRequire(new URL('../../tests/e2e/package.json', import.meta.url))
const { WebSocket } = require('ws')

const { values: options } = parseArgs({
  options: {
    bin: { type: 'string' },
    dir: { type: 'string' },
    edits: { type: 'string' },
    entries: { type: 'string', default: '1000000' },
    documents: { type: 'string', default: '10000' }
  }
})
const bin = resolve(options.bin)
const root = resolve(fileURLToPath(new URL('../../', import.meta.url)))
const scratch = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'coterie-bench-'))
const disk = mkdtempSync(join(resolve(options.dir ?? join(root, 'build')), 'storage-bench-'))
const port = 17439

// --- Steps ---------------------------------------------------------------------------------------

const rival = (...args) => JSON.parse(execFileSync(process.execPath,
  [fileURLToPath(new URL('rival.mjs', import.meta.url)), ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }))
const coterie = (data, ...args) => execFileSync(join(bin, 'coterie'), ['--data', data, '--json', ...args], { encoding: 'utf8' })
const bytesOf = (path) => statSync(path).isFile()
  ? statSync(path).size
  : readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0)
const dataFile = (data) => {
  const stores = join(data, 'workspaces')
  return join(stores, readdirSync(stores).find((name) => /^[0-9a-f]+$/.test(name)), 'data.mdb')
}
const makeData = (name, ...args) => {
  const data = join(scratch, name)
  coterie(data, 'init', '--name', 'red')
  coterie(data, 'workspace', 'create', 'demo')
  const made = JSON.parse(execFileSync(join(bin, 'directory_bench'), [data, 'demo', ...args], { encoding: 'utf8' }))
  return { data, ...made }
}

/** What one document's history costs, by the index of documents and by a scan of all logs. */
const measureHistory = (data, path, runs) => {
  const took = JSON.parse(execFileSync(join(bin, 'directory_bench'), [data, 'demo', 'history', path, runs], { encoding: 'utf8' }))
  console.log(`\nOne document of ${took.entries} entries among ${took.all}`)
  line('', 'by the index', 'by a scan', 'ratio')
  for (const [what, name] of [['its entries read', 'read'], ['list of versions', 'versions'], ['who wrote what', 'blame'], ['made anew', 'rebuild']]) {
    line(what, ms(took.index[name]), ms(took.scan[name]), `${(took.scan[name] / took.index[name]).toFixed(1)} x`)
  }
  line('bytes an entry of the workspace: index; tails', (took.indexBytes / took.all).toFixed(2), (took.tailBytes / took.all).toFixed(2), '')
}

/** Out of the page cache, as after a restart of the machine. */
const makeCold = (file) => {
  execFileSync('dd', [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], { stdio: 'ignore' })
}

/** Starts a node on a copy of `data` on the disk. {readyMs, peakMb, heldMb, ...what `then` gives}. */
const startCold = async (data, then = async () => ({})) => {
  const copy = join(disk, 'start')
  rmSync(copy, { recursive: true, force: true })
  cpSync(data, copy, { recursive: true })
  makeCold(dataFile(copy))
  const begun = performance.now()
  const node = spawn(join(bin, 'coterie'), ['--data', copy, 'run', '--bridge', `127.0.0.1:${port}`], { stdio: ['ignore', 'pipe', 'ignore'] })
  await new Promise((resolve, reject) => {
    let said = ''
    node.stdout.on('data', (text) => { if (/^ready$/m.test(said += text)) resolve() })
    node.once('exit', () => reject(new Error('the node ended')))
  })
  const readyMs = performance.now() - begun
  const more = await then(begun)
  const status = readFileSync(`/proc/${node.pid}/status`, 'utf8')
  const megabytes = (field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)[1]) / 1024
  const memory = { peakMb: megabytes('VmHWM'), heldMb: megabytes('VmRSS'), ownMb: megabytes('RssAnon') }
  node.removeAllListeners('exit')
  const gone = new Promise((resolve) => node.once('exit', resolve))
  node.kill()
  await gone
  return { readyMs, ...memory, ...more }
}

/** Makes a checkpoint, drops what is older, and compacts: {checkpointMs, pruneMs}. */
const prune = async (data) => {
  const node = spawn(join(bin, 'coterie'), ['--data', data, 'run', '--bridge', `127.0.0.1:${port}`], { stdio: ['ignore', 'pipe', 'ignore'] })
  await new Promise((resolve) => node.stdout.on('data', (text) => { if (/ready/.test(text)) resolve() }))
  const until = async (reached) => {
    const begun = performance.now()
    while (!reached(JSON.parse(coterie(data, 'history', 'show', 'demo')))) await new Promise((resolve) => setTimeout(resolve, 50))
    return performance.now() - begun
  }
  const begun = performance.now()
  coterie(data, 'history', 'checkpoint', 'demo')
  const checkpointMs = performance.now() - begun
  await until((kept) => kept.checkpoints[0].base)
  coterie(data, 'history', 'prune', 'demo')
  const pruneMs = await until((kept) => !kept.pruning)
  const gone = new Promise((resolve) => node.once('exit', resolve))
  node.kill()
  await gone
  coterie(data, 'compact')
  return { checkpointMs, pruneMs }
}

/** Time from connecting to the whole document: {connectMs, sinceStartMs, bytes}. */
const loadDocument = (path) => async (begun) => {
  const start = performance.now()
  const socket = new WebSocket(`ws://127.0.0.1:${port}/sync/demo/${path}`)
  const bytes = await new Promise((resolve, reject) => {
    socket.binaryType = 'nodebuffer'
    socket.once('error', reject)
    socket.once('open', () => socket.send(Buffer.from([0, 0, 1, 0]))) // Step 1 of somebody who has nothing.
    socket.on('message', (message) => { if (message[0] === 0 && message[1] === 1) resolve(message.length) })
  })
  const end = performance.now()
  socket.terminate()
  return { connectMs: end - start, sinceStartMs: end - begun, bytes }
}

// --- Rows ----------------------------------------------------------------------------------------

const line = (...cells) => console.log(cells.map((cell, i) => i === 0 ? cell.padEnd(58) : String(cell).padStart(16)).join(''))
const mb = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`
const ms = (value) => `${value.toFixed(value < 10 ? 2 : 0)} ms`
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1]
const repeat = async (count, action) => {
  const all = []
  for (let i = 0; i < count; ++i) all.push(await action())
  return all
}

const measureTyping = async () => {
  const context = { random: randomFrom(1), log: console.log }
  const { edits, text, name } = loadTrace(context, options.edits ? Number(options.edits) : undefined)
  const doc = new Y.Doc()
  doc.clientID = 3_141_592_653
  const encoder = encoding.createEncoder()
  let inUpdates = 0
  doc.on('update', (update) => { encoding.writeVarUint8Array(encoder, update); inUpdates += update.length })
  const content = doc.getText('monaco')
  for (const [position, removed, inserted] of edits) {
    doc.transact(() => {
      if (removed > 0) content.delete(position, removed)
      if (inserted) content.insert(position, inserted)
    })
  }
  if (content.toString() !== text) throw new Error('the text is not the expected one')
  const updates = join(scratch, 'updates')
  writeFileSync(updates, encoding.toUint8Array(encoder))
  const state = Y.encodeStateAsUpdate(doc).length
  const path = 'papers/trace.tex'

  const ours = makeData('typed', 'type', updates, path)
  const typed = bytesOf(dataFile(ours.data))
  const load = async (data) => {
    const all = await repeat(5, () => startCold(data, loadDocument(path)))
    return { ready: median(all.map((one) => one.readyMs)), connect: median(all.map((one) => one.connectMs)), since: median(all.map((one) => one.sinceStartMs)) }
  }
  const cold = await load(ours.data)
  coterie(ours.data, 'compact')
  const compacted = bytesOf(dataFile(ours.data))

  const beforePruning = join(scratch, 'unpruned')
  cpSync(ours.data, beforePruning, { recursive: true })
  const pruning = await prune(ours.data)
  const pruned = bytesOf(dataFile(ours.data))

  const inRivals = {}
  for (const store of ['y-leveldb', 'hocuspocus']) {
    const dir = join(disk, store)
    mkdirSync(dir)
    rival(store, 'type', dir, updates)
    const size = bytesOf(dir)
    const loads = [rival(store, 'load', dir).ms]
    const after = bytesOf(dir) // y-leveldb merges what it loads.
    loads.push(...await repeat(4, async () => rival(store, 'load', dir).ms))
    inRivals[store] = { size, after, first: loads[0], load: median(loads.slice(1)) }
  }
  const { 'y-leveldb': level, hocuspocus } = inRivals
  console.log(`${edits.length} edits (${name}), each saved by itself; ${mb(inUpdates)} of updates, ${mb(state)} as one state`)
  line('', 'ours', 'y-leveldb', 'Hocuspocus')
  line('on disk after typing', mb(typed), mb(level.size), mb(hocuspocus.size))
  line('  ours has the signed history; ratio to ours', '', `${(level.size / typed).toFixed(2)} x`, `${(hocuspocus.size / typed).toFixed(2)} x`)
  line('on disk after compaction (ours), a first load (theirs)', mb(compacted), mb(level.after), mb(hocuspocus.after))
  line('entries; bytes each', `${ours.entries}; ${(compacted / ours.entries).toFixed(0)}`, '', '')
  line('on disk after pruning and compaction', mb(pruned), '', '')
  line('  a checkpoint of it made; all of it pruned', `${ms(pruning.checkpointMs)}; ${ms(pruning.pruneMs)}`, '', '')
  line('cold: open the store and have the document; first, later', ms(cold.connect), `${ms(level.first)}, ${ms(level.load)}`, `${ms(hocuspocus.first)}, ${ms(hocuspocus.load)}`)
  line('  ours: in a node that runs; theirs: in a bare process', '', `${(level.first / cold.connect).toFixed(1)}, ${(level.load / cold.connect).toFixed(1)} x`, `${(hocuspocus.load / cold.connect).toFixed(1)} x`)
  line('cold: start of the node; until the document is there', `${ms(cold.ready)}; ${ms(cold.since)}`, '', '')
  measureHistory(beforePruning, path, '3')
}

const measureCommits = () => {
  const dir = join(disk, 'commits')
  mkdirSync(dir)
  const updates = join(scratch, 'updates')
  console.log('\nOne write after the other, as Node programs make them; ours beside SQLite is in storage_bench')
  line('', 'median', 'p99', 'per second', 'bare fsync', 'its p99')
  const rows = [
    ['y-leveldb: without a sync, so lost by a power failure', 'y-leveldb'],
    ['LevelDB with sync: true', 'leveldb']
  ]
  for (const [title, store] of rows) {
    const took = rival(store, 'commits', dir, updates)
    line(title, ms(took.median), ms(took.p99), took.perSecond.toFixed(0), ms(took.floorMedian), ms(took.floorP99))
  }
}

const measureStart = async () => {
  const { data, entries, documents } = makeData('many', 'fill', options.entries, options.documents)
  const all = await repeat(5, () => startCold(data))
  const of = (field) => median(all.map((one) => one[field]))
  console.log(`\nStart of a node with ${entries} entries and ${documents} documents, ${mb(bytesOf(dataFile(data)))}`)
  line('', 'ready after', 'peak', 'held; its own')
  line('cold (not in the page cache)', ms(of('readyMs')), `${of('peakMb').toFixed(0)} MB`, `${of('heldMb').toFixed(0)}; ${of('ownMb').toFixed(0)} MB`)
  measureHistory(data, 'notes/scattered.md', '5')
}

try {
  await measureTyping()
  measureCommits()
  await measureStart()
} finally {
  for (const dir of [scratch, disk]) rmSync(dir, { recursive: true, force: true })
}
