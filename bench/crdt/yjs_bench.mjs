// Stock Yjs on the workloads of crdt_bench.cpp: same names, inputs and output.
//
//     node --expose-gc yjs_bench.mjs DIR WORKLOAD[:INPUT] [REPEATS]

import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(fileURLToPath(new URL('../../', import.meta.url)))
const require = createRequire(join(root, 'tests/interop/package.json'))
const Y = require('yjs')
const decoding = require('lib0/decoding')

const [dir, workload, repeatsText] = process.argv.slice(2)
const [fullName, input] = workload.split(':')
const v2 = fullName.endsWith('-v2')
const name = v2 ? fullName.slice(0, -3) : fullName
const format = v2
  ? { event: 'updateV2', apply: Y.applyUpdateV2, encode: Y.encodeStateAsUpdateV2 }
  : { event: 'update', apply: Y.applyUpdate, encode: Y.encodeStateAsUpdate }
const repeats = Number(repeatsText ?? 5)

// --- Inputs --------------------------------------------------------------------------------------

const inFormat = (ending) => v2 && ending !== 'ops' ? `${ending}-v2` : ending
const read = (ending) => readFileSync(join(dir, `${input}.${inFormat(ending)}`))
const readAll = (ending, one) => {
  const decoder = decoding.createDecoder(read(ending))
  const all = []
  while (decoding.hasContent(decoder)) all.push(one(decoder))
  return all
}
const readOp = (decoder) => {
  const kind = decoding.readVarUint(decoder)
  const op = { index: decoding.readVarUint(decoder), removed: decoding.readVarUint(decoder) }
  if (kind === 0) return { ...op, text: decoding.readVarString(decoder) }
  const values = []
  for (let left = decoding.readVarUint(decoder); left > 0; left--) values.push(decoding.readVarUint(decoder))
  return { ...op, values }
}
const readOps = () => readAll('ops', readOp)
const readUpdates = () => readAll('updates', decoding.readVarUint8Array)

// --- Measuring -----------------------------------------------------------------------------------

const row = { ms: 0, best: 0, peak: 0, bytes: 0, bytesV2: 0 }
const userMs = (body, times) => {
  const start = process.cpuUsage()
  for (let i = 0; i < times; i++) body()
  return process.cpuUsage(start).user / 1000 / times
}
const residentKb = () => process.memoryUsage.rss() / 1024
const peakKb = () => Number(/VmHWM:\s*(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1])

/** One run for its memory, then warm-up of at least 300 ms, then samples of at least 50 ms. */
const measure = (body) => {
  globalThis.gc?.()
  writeFileSync('/proc/self/clear_refs', '5') // The peak starts anew.
  const before = residentKb()
  let last = userMs(body, 1)
  row.peak = Math.max(0, peakKb() - before)
  for (let spent = last; spent < 300; spent += last) last = userMs(body, 1)
  const inner = Math.max(1, Math.min(2000, Math.floor(50 / Math.max(last, 1e-3))))
  const samples = last > 2000 ? 1 : repeats
  const times = Array.from({ length: samples }, () => userMs(body, inner)).sort((a, b) => a - b)
  row.ms = times[times.length >> 1]
  row.best = times[0]
}

const docOf = (clientID) => {
  const doc = new Y.Doc()
  doc.clientID = clientID
  return doc
}
const noteState = (doc) => {
  row.bytes = Y.encodeStateAsUpdate(doc).length
  row.bytesV2 = Y.encodeStateAsUpdateV2(doc).length
}

// --- Workloads -----------------------------------------------------------------------------------

const edit = (doc, { index, removed, text, values }) => {
  if (values !== undefined) {
    doc.getArray('array').insert(index, values)
  } else if (removed > 0 && text.length > 0) {
    doc.transact(() => {
      doc.getText('text').delete(index, removed)
      doc.getText('text').insert(index, text)
    })
  } else if (removed > 0) {
    doc.getText('text').delete(index, removed)
  } else {
    doc.getText('text').insert(index, text)
  }
}
const editAll = (doc, ops) => { for (const op of ops) edit(doc, op) }

const replay = (observed, times) => {
  const ops = readOps()
  let doc
  measure(() => {
    doc = docOf(1)
    if (observed) doc.on('update', () => {})
    for (let i = 0; i < times; i++) editAll(doc, ops)
  })
  noteState(doc)
}

const apply = () => {
  const updates = readUpdates()
  let doc
  measure(() => {
    doc = docOf(0xffffffff)
    // As crdt-benchmarks has it for the many writers of B3.
    if (input.startsWith('B3')) {
      doc.transact(() => { for (const update of updates) format.apply(doc, update) })
    } else {
      for (const update of updates) format.apply(doc, update)
    }
  })
  noteState(doc)
}

const parse = () => {
  const state = read('state')
  measure(() => {
    const doc = docOf(0xffffffff)
    format.apply(doc, state)
    for (const key of [...doc.share.keys()]) {
      if (key === 'text') doc.getText(key).toString()
      else if (key === 'array') doc.getArray(key).toArray()
      else doc.getMap(key).get('v')
    }
  })
  noteState(loaded())
}

const loaded = () => {
  const doc = docOf(0xffffffff)
  format.apply(doc, read('state'))
  return doc
}

const memory = () => {
  const state = read('state')
  globalThis.gc?.()
  const before = residentKb()
  const doc = docOf(0xffffffff)
  format.apply(doc, state)
  globalThis.gc?.()
  row.peak = residentKb() - before
  noteState(doc)
}

const encode = () => {
  const doc = loaded()
  measure(() => format.encode(doc))
  noteState(doc)
}

const diff = () => {
  const state = read('state')
  const clock = Y.decodeStateVector(Y.encodeStateVectorFromUpdate(state)).get(1)
  const half = Y.encodeStateVector(new Map([[1, clock >> 1]]))
  measure(() => { row.bytes = Y.diffUpdate(state, half).length })
}

const stateVector = () => {
  const state = read('state')
  measure(() => { row.bytes = Y.encodeStateVectorFromUpdate(state).length })
}

const noConflicts = () => {
  const ops = readOps()
  let doc
  measure(() => {
    const updates = []
    doc = docOf(1)
    doc.on(format.event, (update) => updates.push(update))
    editAll(doc, ops)
    const other = docOf(2)
    for (const update of updates) format.apply(other, update)
  })
  noteState(doc)
}

const twoWriters = () => {
  const [first, ...ops] = readOps()
  const write = (doc, some) => {
    let made
    const keep = (update) => { made = update }
    doc.on(format.event, keep)
    doc.transact(() => editAll(doc, some))
    doc.off(format.event, keep)
    return made
  }
  let one
  measure(() => {
    one = docOf(1)
    const two = docOf(2)
    one.getText('text').insert(0, first.text)
    format.apply(two, format.encode(one))
    format.apply(two, write(one, ops.slice(0, first.removed)))
    format.apply(one, write(two, ops.slice(first.removed)))
  })
  noteState(one)
}

const randomAccess = (deletes) => {
  let state = 1n
  const below = (bound) => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n)
    return Number((state >> 33n) % BigInt(bound))
  }
  const doc = docOf(1)
  const text = doc.getText('text')
  text.insert(0, 'x'.repeat(1_000_000))
  row.ms = userMs(() => { for (let i = 0; i < 100_000; i++) text.insert(below(text.length + 1), 'y') }, 1)
  if (deletes) row.ms = userMs(() => { for (let i = 0; i < 100_000; i++) text.delete(below(text.length), 1) }, 1)
  row.peak = peakKb()
  noteState(doc)
}

const workloads = {
  'replay-events': () => replay(true, 1),
  replay: () => replay(false, 1),
  'replay-many': () => replay(false, 100),
  apply,
  parse,
  memory,
  encode,
  merge: () => { const all = readUpdates(); measure(() => { row.bytes = Y.mergeUpdates(all).length }) },
  diff,
  'state-vector': stateVector,
  'no-conflicts': noConflicts,
  'two-writers': twoWriters,
  'random-inserts': () => randomAccess(false),
  'random-deletes': () => randomAccess(true)
}
workloads[name]()
console.log(JSON.stringify(row))
