// The inputs of the CRDT benchmarks, as files that both engines read (form: crdt_bench.cpp).
//
// B1 to B3 as dmonad/crdt-benchmarks defines them (js-lib/b1.js to b3.js, N = 6000, its generator
// with its seed, begun anew for each), B4 and the other traces from josephg/editing-traces.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

const root = resolve(fileURLToPath(new URL('../../', import.meta.url)))
const require = createRequire(join(root, 'tests/interop/package.json'))
const Y = require('yjs')
const prng = require('lib0/prng')
const encoding = require('lib0/encoding')

const N = 6000

// --- Files ---------------------------------------------------------------------------------------

const write = (dir, name, fill) => {
  const encoder = encoding.createEncoder()
  fill(encoder)
  writeFileSync(join(dir, name), encoding.toUint8Array(encoder))
}
const writeOps = (dir, name, ops) => write(dir, `${name}.ops`, (encoder) => {
  for (const { index, removed = 0, text = '', values } of ops) {
    for (const number of [values === undefined ? 0 : 1, index, removed]) encoding.writeVarUint(encoder, number)
    if (values === undefined) {
      encoding.writeVarString(encoder, text)
    } else {
      for (const number of [values.length, ...values]) encoding.writeVarUint(encoder, number)
    }
  }
})
const writeUpdates = (dir, name, updates) => write(dir, name, (encoder) => {
  for (const update of updates) encoding.writeVarUint8Array(encoder, update)
})
const writeState = (dir, name, doc) => {
  writeFileSync(join(dir, `${name}.state`), Y.encodeStateAsUpdate(doc))
  writeFileSync(join(dir, `${name}.state-v2`), Y.encodeStateAsUpdateV2(doc))
}

const docOf = (clientID) => {
  const doc = new Y.Doc()
  doc.clientID = clientID
  return doc
}
const edit = (doc, { index, removed = 0, text = '', values }) => doc.transact(() => {
  if (values !== undefined) doc.getArray('array').insert(index, values)
  if (removed > 0) doc.getText('text').delete(index, removed)
  if (text.length > 0) doc.getText('text').insert(index, text)
})

// --- B1, B2 --------------------------------------------------------------------------------------

const number = (gen) => prng.uint32(gen, 0, 0x7fffffff)
const letters = (word) => [...word]
const cut = (text, index, removed, inserted) => text.slice(0, index) + inserted + text.slice(index + removed)

/** N edits of a text, each made by `make` knowing the text so far. */
const randomEdits = (gen, make, start = '') => {
  let text = start
  const ops = []
  const push = (op) => {
    text = cut(text, op.index, op.removed ?? 0, op.text ?? '')
    ops.push(op)
    return text
  }
  for (let i = 0; i < N; i++) make(prng.uint32(gen, 0, text.length), text, push)
  return ops
}
const insertOrDelete = (gen, index, text, push) => {
  if (text.length === index || prng.bool(gen)) push({ index, text: prng.word(gen, 2, 10) })
  else push({ index, removed: prng.uint32(gen, 1, Math.min(9, text.length - index)) })
}
const words = (gen, least, most, start) => randomEdits(gen, (index, _, push) =>
  push({ index, text: prng.word(gen, least, most) }), start)
const numbers = (gen) => Array.from({ length: N }, () => number(gen))

const b1 = {
  'B1.1': ['append N characters', (gen) =>
    letters(prng.word(gen, N, N)).map((text, index) => ({ index, text }))],
  'B1.2': ['insert a string of N', (gen) => [{ index: 0, text: prng.word(gen, N, N) }]],
  'B1.3': ['prepend N characters', (gen) =>
    letters(prng.word(gen, N, N)).reverse().map((text) => ({ index: 0, text }))],
  'B1.4': ['N characters at random', (gen) => words(gen, 1, 1)],
  'B1.5': ['N words at random', (gen) => words(gen, 2, 10)],
  'B1.6': ['insert a string, delete it', (gen) =>
    [{ index: 0, text: prng.word(gen, N, N) }, { index: 0, removed: N }]],
  'B1.7': ['insert, delete at random', (gen) =>
    randomEdits(gen, (index, text, push) => insertOrDelete(gen, index, text, push))],
  'B1.8': ['append N numbers', (gen) =>
    numbers(gen).map((value, index) => ({ index, values: [value] }))],
  'B1.9': ['insert N numbers at once', (gen) => [{ index: 0, values: numbers(gen) }]],
  'B1.10': ['prepend N numbers', (gen) => numbers(gen).map((value) => ({ index: 0, values: [value] }))],
  'B1.11': ['N numbers at random', (gen) => Array.from({ length: N }, (_, length) =>
    ({ index: prng.uint32(gen, 0, length), values: [number(gen)] }))]
}

/** Each of the two starts from the common text, not from what the other made of it. */
const b2 = {
  'B2.1': ['two insert a string of N', (gen) => [{ index: 0, text: prng.word(gen, N, N) }]],
  'B2.2': ['two insert N characters', (gen, start) => words(gen, 1, 1, start)],
  'B2.3': ['two insert N words', (gen, start) => words(gen, 3, 9, start)],
  'B2.4': ['two insert and delete', (gen, start) => randomEdits(gen, (index, _, push) =>
    insertOrDelete(gen, index, push({ index, text: prng.word(gen, 3, 9) }), push), start)]
}

// --- B3 ------------------------------------------------------------------------------------------

const writers = Math.floor(Math.sqrt(N)) * 20
const b3 = {
  'B3.1': ['1,540 writers set a number', (doc, i) => doc.getMap('map').set('v', i)],
  'B3.2': ['1,540 writers set an object', (doc, i) => doc.getMap('map').set('v', { name: `${i}`, address: 'here' })],
  'B3.3': ['1,540 writers set a string', (doc, i) => doc.getMap('map').set('v', `${i}`.repeat(writers))],
  'B3.4': ['1,540 writers prepend a value', (doc, i) => doc.getArray('array').insert(0, [`${i}`])],
  'B3.5': ['1,540 writers prepend text', (doc, i) => doc.getText('text').insert(0, `${i}`)]
}

// --- Traces --------------------------------------------------------------------------------------

const traceFile = (name) => [process.env.COTERIE_TRACES, join(root, '../shared/traces')]
  .filter(Boolean).map((dir) => join(dir, `${name}.json.gz`)).find((path) => existsSync(path))
const readTrace = (path) => JSON.parse(gunzipSync(readFileSync(path)))
const opsOf = (trace) => trace.txns.flatMap((txn) => txn.patches)
  .map(([index, removed, text]) => ({ index, removed, text }))

/** Typing with corrections, as people do: for machines without the trace. */
const generated = () => {
  let state = 7
  const below = (n) => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) % n
  const ops = []
  let length = 0
  let at = 0
  for (let i = 0; i < 100_000; i++) {
    if (below(100) < 2) at = below(length + 1)
    if (at > 0 && below(100) < 15) {
      at--
      length--
      ops.push({ index: at, removed: 1 })
    } else {
      ops.push({ index: at, text: 'abcdefghij klmnop'[below(17)] })
      at++
      length++
    }
  }
  return ops
}

/** The updates of a trace of several writers, each made by its writer's document at the version the
 *  trace says it saw. */
const concurrentUpdates = (trace) => {
  const made = []
  const agents = new Map()
  trace.txns.forEach((txn, index) => {
    if (!agents.has(txn.agent)) {
      const doc = docOf(txn.agent + 1)
      doc.on('update', (update, origin) => { if (origin !== 'other') doc.made = update })
      agents.set(txn.agent, { doc, seen: new Set() })
    }
    const { doc, seen } = agents.get(txn.agent)
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
    doc.transact(() => {
      for (const [at, removed, text] of txn.patches) edit(doc, { index: at, removed, text })
    })
    seen.add(index)
    made.push(doc.made)
  })
  return made
}

// --- All -----------------------------------------------------------------------------------------

/** Writes an input and returns what it is, or undefined where its trace is not on this machine. */
export const writeInput = (dir, name) => {
  const gen = prng.create(42)
  if (name in b1) {
    const [title, make] = b1[name]
    const ops = make(gen)
    const doc = docOf(1)
    for (const op of ops) edit(doc, op)
    writeOps(dir, name, ops)
    writeState(dir, name, doc)
    return title
  }
  if (name in b2) {
    const [title, make] = b2[name]
    const start = prng.word(gen, 100, 100)
    const [one, two] = [make(gen, start), make(gen, start)]
    const docs = [docOf(1), docOf(2)]
    docs[0].getText('text').insert(0, start)
    docs[0].transact(() => { for (const op of one) edit(docs[0], op) })
    Y.applyUpdate(docs[1], Y.encodeStateAsUpdate(docs[0]))
    docs[1].transact(() => { for (const op of two) edit(docs[1], op) })
    writeOps(dir, name, [{ index: 0, removed: one.length, text: start }, ...one, ...two])
    writeState(dir, name, docs[1])
    return title
  }
  if (name in b3) {
    const [title, make] = b3[name]
    const updates = Array.from({ length: writers }, (_, i) => {
      const doc = docOf(1000 + i)
      make(doc, i)
      return Y.encodeStateAsUpdate(doc)
    })
    const doc = docOf(1)
    doc.transact(() => { for (const update of updates) Y.applyUpdate(doc, update) })
    writeUpdates(dir, `${name}.updates-v2`, updates.map(Y.convertUpdateFormatV1ToV2))
    writeState(dir, name, doc)
    return title
  }
  const path = traceFile(name === 'B4' ? 'automerge-paper' : name)
  if (path === undefined && name !== 'B4') return undefined
  if (name === 'friendsforever') {
    const updates = concurrentUpdates(readTrace(path))
    const doc = docOf(1000)
    for (const update of updates) Y.applyUpdate(doc, update)
    writeUpdates(dir, `${name}.updates`, updates)
    writeState(dir, name, doc)
    return `${updates.length} edits of several writers at once`
  }
  const ops = path === undefined ? generated() : opsOf(readTrace(path))
  const updates = []
  const doc = docOf(1)
  doc.on('update', (update) => updates.push(update))
  for (const op of ops) edit(doc, op)
  writeOps(dir, name, ops)
  writeUpdates(dir, `${name}.updates`, updates)
  writeState(dir, name, doc)
  return path === undefined ? `${ops.length} generated edits` : `${ops.length} edits`
}

export const smallBenchmarks = [b1, b2, b3].flatMap((group) => Object.keys(group))
