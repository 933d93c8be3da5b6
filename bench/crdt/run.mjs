// Runs the CRDT benchmarks beside stock Yjs in one go and prints a table with ratios.
//
//     node run.mjs --bench build/release/bin/crdt_bench [--trace FILE] [--repeats N] [--json]
//
// The traces are josephg/editing-traces' automerge-paper.json.gz and friendsforever.json.gz: in
// $COTERIE_TRACES, or in ../shared/traces beside the source tree. Where they are absent, edits of
// one writer are generated.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'

const root = resolve(fileURLToPath(new URL('../../', import.meta.url)))
const require = createRequire(join(root, 'tests/interop/package.json'))
const Y = require('yjs')

const { values: options } = parseArgs({
  options: {
    bench: { type: 'string' },
    trace: { type: 'string' },
    repeats: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    skipYjs: { type: 'boolean', default: false }
  }
})

// --- Edits ---------------------------------------------------------------------------------------

const traceFile = (name) => [process.env.COTERIE_TRACES, join(root, '../shared/traces')]
  .filter(Boolean).map((dir) => join(dir, name)).find((path) => existsSync(path))
const readTrace = (path) => JSON.parse(gunzipSync(readFileSync(path)))

/** Typing with corrections, as people do: for machines without the trace. */
const generated = () => {
  let state = 7
  const below = (n) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % n
  const edits = []
  let length = 0
  let at = 0
  for (let i = 0; i < 100_000; i++) {
    if (below(100) < 2) at = below(length + 1)
    if (at > 0 && below(100) < 15) {
      at--
      length--
      edits.push([at, 1, ''])
    } else {
      edits.push([at, 0, 'abcdefghij klmnop'[below(17)]])
      at++
      length++
    }
  }
  return edits
}

const file = options.trace ?? traceFile('automerge-paper.json.gz')
const edits = file === undefined ? generated() : readTrace(file).txns.flatMap((txn) => txn.patches)
const source = file === undefined ? 'generated edits' : 'automerge-paper'

// --- Stock Yjs -----------------------------------------------------------------------------------

const measure = (repeats, body) => {
  const times = []
  for (let i = 0; i < repeats; i++) {
    const start = process.cpuUsage()
    body()
    times.push(process.cpuUsage(start).user / 1000)
  }
  return times.sort((a, b) => a - b)[times.length >> 1]
}
const replay = (observer) => {
  const doc = new Y.Doc()
  doc.clientID = 1
  if (observer) doc.on('update', observer)
  const text = doc.getText('text')
  for (const [index, removed, inserted] of edits) {
    doc.transact(() => {
      if (removed > 0) text.delete(index, removed)
      if (inserted.length > 0) text.insert(index, inserted)
    })
  }
  return doc
}

const updates = []
const doc = replay((update) => updates.push(update))
const state = Y.encodeStateAsUpdate(doc)
const yjs = {}
if (!options.skipYjs) {
  const some = Math.min(2, Number(options.repeats))
  yjs['replay, an update event per edit'] = measure(some, () => replay(() => {}))
  yjs['replay, no observer'] = measure(some, () => replay())
  yjs['apply the updates one by one'] = measure(some + 1, () => {
    const fresh = new Y.Doc()
    for (const update of updates) Y.applyUpdate(fresh, update)
  })
  yjs['decode the whole state and read the text'] = measure(20, () => {
    const fresh = new Y.Doc()
    Y.applyUpdate(fresh, state)
    fresh.getText('text').toString()
  })
  yjs['encode the whole state'] = measure(20, () => Y.encodeStateAsUpdate(doc))
  const clock = Y.decodeStateVector(Y.encodeStateVector(doc)).get(1)
  const half = Y.encodeStateVector(new Map([[1, clock >> 1]]))
  yjs['diff the whole state against half'] = measure(20, () => Y.diffUpdate(state, half))
  yjs['state vector of the whole state'] = measure(20, () => Y.encodeStateVectorFromUpdate(state))
}

/** The updates of a trace of several writers, each made by its writer's document at the version the
 *  trace says it saw. */
const concurrentUpdates = (trace) => {
  const made = []
  const writers = new Map()
  trace.txns.forEach((txn, index) => {
    if (!writers.has(txn.agent)) {
      const doc = new Y.Doc()
      doc.clientID = txn.agent + 1
      doc.on('update', (update, origin) => { if (origin !== 'other') doc.made = update })
      writers.set(txn.agent, { doc, seen: new Set() })
    }
    const { doc, seen } = writers.get(txn.agent)
    const missing = []
    const open = [...txn.parents]
    while (open.length > 0) {
      const parent = open.pop()
      if (seen.has(parent)) continue
      seen.add(parent)
      missing.push(parent)
      open.push(...trace.txns[parent].parents)
    }
    for (const parent of missing.sort((a, b) => a - b)) Y.applyUpdate(doc, made[parent], 'other')
    const text = doc.getText('text')
    doc.transact(() => {
      for (const [at, removed, inserted] of txn.patches) {
        if (removed > 0) text.delete(at, removed)
        if (inserted.length > 0) text.insert(at, inserted)
      }
    })
    seen.add(index)
    made.push(doc.made)
  })
  return made
}
const concurrentFile = traceFile('friendsforever.json.gz')
const concurrent = concurrentFile === undefined ? [] : concurrentUpdates(readTrace(concurrentFile))
if (concurrent.length > 0 && !options.skipYjs) {
  yjs['concurrent writers, updates one by one'] = measure(5, () => {
    const fresh = new Y.Doc()
    for (const update of concurrent) Y.applyUpdate(fresh, update)
  })
  const merged = (() => {
    const all = new Y.Doc()
    for (const update of concurrent) Y.applyUpdate(all, update)
    return Y.encodeStateAsUpdate(all)
  })()
  yjs['concurrent writers, decode the whole state'] = measure(10, () => {
    Y.applyUpdate(new Y.Doc(), merged)
  })
}

// --- Ours ----------------------------------------------------------------------------------------

const varuint = (value) => {
  const bytes = []
  while (value > 127) { bytes.push(128 | (value & 127)); value = Math.floor(value / 128) }
  return Buffer.from([...bytes, value])
}
const prefixed = (bytes) => [varuint(bytes.length), bytes]
const dir = mkdtempSync(join(tmpdir(), 'crdt-bench-'))
let ours
try {
  const ops = edits.flatMap(([index, removed, inserted]) =>
    [varuint(index), varuint(removed), ...prefixed(Buffer.from(inserted))])
  writeFileSync(join(dir, 'ops'), Buffer.concat(ops))
  writeFileSync(join(dir, 'updates'), Buffer.concat(updates.flatMap((update) => prefixed(Buffer.from(update)))))
  writeFileSync(join(dir, 'state'), state)
  const bench = (...args) => execFileSync(options.bench, args, { encoding: 'utf8' })
    .trim().split('\n').map((line) => JSON.parse(line))
  ours = [
    ...bench(join(dir, 'ops'), join(dir, 'updates'), options.repeats),
    ...bench('--memory', join(dir, 'state'))
  ]
  if (concurrent.length > 0) {
    writeFileSync(join(dir, 'concurrent'), Buffer.concat(concurrent.flatMap((update) => prefixed(Buffer.from(update)))))
    ours.push(...bench('--concurrent', join(dir, 'concurrent'), options.repeats))
  }
} finally {
  rmSync(dir, { recursive: true })
}

const rows = ours.map((row) => ({ ...row, yjs: yjs[row.name], ratio: yjs[row.name] && yjs[row.name] / row.ms }))
if (options.json) {
  console.log(JSON.stringify({ source, edits: edits.length, stateBytes: state.length, rows }))
} else {
  console.log(`${source}: ${edits.length} edits, state ${state.length} bytes in stock Yjs; user CPU, median`)
  const cell = (text, width) => String(text).padStart(width)
  console.log(`${'workload'.padEnd(44)}${cell('ours', 12)}${cell('Yjs', 12)}${cell('times', 9)}`)
  for (const row of rows) {
    const value = row.kb === undefined ? `${row.ms.toFixed(row.ms < 1 ? 3 : 1)} ms` : `${row.kb} kB`
    const other = row.yjs === undefined ? '' : `${row.yjs.toFixed(1)} ms`
    console.log(`${row.name.padEnd(44)}${cell(value, 12)}${cell(other, 12)}${cell(row.ratio ? row.ratio.toFixed(1) : '', 9)}`)
  }
}
