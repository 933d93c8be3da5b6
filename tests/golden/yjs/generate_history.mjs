// Writes history.json: relative positions and snapshots of sessions by stock Yjs, with what each
// becomes later. Run in tests/interop's node_modules:
//
//     node tests/golden/yjs/generate_history.mjs    (after npm ci in tests/interop)

import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(new URL('../../interop/package.json', import.meta.url))
const Y = require('yjs')
const { version } = JSON.parse(readFileSync(new URL('../../interop/node_modules/yjs/package.json', import.meta.url)))
const hex = (bytes) => Buffer.from(bytes).toString('hex')

/** Steps of two clients; after each, positions are made and all made so far are found again. */
const record = (name, gc, steps) => {
  const docs = [1, 4294967295].map((client) => {
    const doc = new Y.Doc({ gc })
    doc.clientID = client
    return doc
  })
  const reader = new Y.Doc({ gc })
  const known = []
  const snapshots = [Y.emptySnapshot]
  const out = []
  for (const edits of steps) {
    const before = Y.encodeStateVector(reader)
    edits(...docs.map((doc) => doc.getText('text')), ...docs.map((doc) => doc.getArray('array')))
    for (const doc of docs) Y.applyUpdate(reader, Y.encodeStateAsUpdate(doc))
    const update = Y.encodeStateAsUpdate(reader, before)
    for (const doc of docs) Y.applyUpdate(doc, Y.encodeStateAsUpdate(reader))
    const positions = []
    for (const [root, type] of [['text', reader.getText('text')], ['array', reader.getArray('array')]]) {
      const plain = root === 'text' ? type.toDelta().map((op) => (typeof op.insert === 'string' ? op.insert : '*')).join('') : ''
      for (const assoc of [0, -1]) {
        for (let index = 0; index <= type.length + 1; index += 1 + (index % 3)) {
          if (/[\udc00-\udfff]/.test(plain[index] ?? '')) continue
          const position = Y.createRelativePositionFromTypeIndex(type, index, assoc)
          const bytes = hex(Y.encodeRelativePosition(position))
          positions.push([root, index, assoc, bytes, JSON.stringify(Y.relativePositionToJSON(position))])
          if (!known.includes(bytes)) known.push(bytes)
        }
      }
    }
    const places = known.map((bytes) => Y.createAbsolutePositionFromRelativePosition(Y.decodeRelativePosition(Buffer.from(bytes, 'hex')), reader)?.index ?? null)
    snapshots.push(Y.snapshot(reader))
    out.push({ update: hex(update), positions, known: [...known], places })
  }
  const looks = []
  snapshots.forEach((snapshot, i) => {
    const restored = gc ? null : Y.createDocFromSnapshot(reader, snapshot)
    looks.push({
      step: i,
      v1: hex(Y.encodeSnapshot(snapshot)),
      v2: hex(Y.encodeSnapshotV2(snapshot)),
      restored: restored && hex(Y.encodeStateAsUpdate(restored)),
      text: restored && restored.getText('text').toString(),
      array: restored && JSON.stringify(restored.getArray('array').toJSON()),
      deltas: snapshots.map((previous) => JSON.stringify(reader.getText('text').toDelta(snapshot, previous)))
    })
  })
  return { name, gc, steps: out, snapshots: looks }
}

const steps = [
  (a) => a.insert(0, 'hello world'),
  (a, b, c, d) => { a.insert(5, '😀日本'); b.delete(2, 3); c.push([1, 'two', { three: 3 }]) },
  (a, b, c, d) => { a.format(1, 4, { bold: true }); b.insert(0, '>> '); c.insert(1, [0]); d.delete(0, 2) },
  (a, b) => { a.delete(0, 3); b.insertEmbed(2, { image: 'x' }) },
  (a, b, c, d) => { a.delete(0, a.length); d.push(['end']); b.insert(b.length, '!') }
]
const sessions = [record('collecting', true, steps), record('keeping', false, steps)]
writeFileSync(new URL('./history.json', import.meta.url), JSON.stringify({ generator: 'tests/golden/yjs/generate_history.mjs', yjs: version, sessions }, null, 1).replace(/\n\s+(?=[^{}\s])/g, ' ').replace(/\s+\]/g, ' ]') + '\n')
