// Writes undo.json: sessions of stock Yjs with an UndoManager and another client's edits in between,
// each step with the update it made and the sizes of the stacks. Run in tests/interop's node_modules:
//
//     node tests/golden/yjs/generate_undo.mjs    (after npm ci in tests/interop)

import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

let now = 1_000_000
Date.now = () => now
const require = createRequire(new URL('../../interop/package.json', import.meta.url))
const Y = require('yjs')
const { version } = JSON.parse(readFileSync(new URL('../../interop/node_modules/yjs/package.json', import.meta.url)))
const hex = (bytes) => Buffer.from(bytes).toString('hex')

let seed = 3
const below = (n) => {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
  return (seed >>> 8) % n
}
const pick = (list) => list[below(list.length)]

const edit = (doc) => {
  const text = doc.getText('text')
  const array = doc.getArray('array')
  const map = doc.getMap('map')
  switch (below(7)) {
    case 0: case 1: return ['insert', below(text.length + 1), pick(['a', 'bc', 'hello '])]
    case 2: { const index = below(text.length + 1); return ['delete', index, below(text.length - index + 1)] }
    case 3: { const index = below(text.length + 1); return ['format', index, below(text.length - index + 1), pick([{ bold: true }, { bold: null }])] }
    case 4: return ['push', below(100)]
    case 5: return array.length > 0 ? ['remove', below(array.length)] : ['push', 7]
    default: return below(3) > 0 ? ['set', pick(['a', 'b']), below(100)] : ['unset', pick(['a', 'b'])]
  }
}
const apply = (doc, [op, a, b, c]) => {
  switch (op) {
    case 'insert': return doc.getText('text').insert(a, b)
    case 'delete': return doc.getText('text').delete(a, b)
    case 'format': return doc.getText('text').format(a, b, c)
    case 'push': return doc.getArray('array').push([a])
    case 'remove': return doc.getArray('array').delete(a, 1)
    case 'set': return doc.getMap('map').set(a, b)
    default: return doc.getMap('map').delete(a)
  }
}

const session = () => {
  const [doc, other] = [7, 3].map((client) => {
    const made = new Y.Doc()
    made.clientID = client
    made.getText('text'); made.getArray('array'); made.getMap('map')
    return made
  })
  const overwrite = below(3) === 0
  const undo = new Y.UndoManager([doc.getText('text'), doc.getArray('array'), doc.getMap('map')], { ignoreRemoteMapChanges: overwrite })
  let updates = []
  doc.on('update', (update) => updates.push(update))
  const started = now
  const steps = []
  for (let i = 0; i < 40; i++) {
    now += pick([1, 300, 600])
    updates = []
    const step = { at: now - started }
    switch (below(8)) {
      case 0: case 1: step.undo = undo.undo() !== null; break
      case 2: step.redo = undo.redo() !== null; break
      case 3: step.stop = true; undo.stopCapturing(); break
      case 4: {
        Y.applyUpdate(other, Y.encodeStateAsUpdate(doc))
        const before = Y.encodeStateVector(other)
        for (let n = 1 + below(3); n > 0; n--) apply(other, edit(other))
        const update = Y.encodeStateAsUpdate(other, before)
        updates = []
        step.remote = hex(update)
        Y.applyUpdate(doc, update, 'remote')
        break
      }
      default: step.edit = edit(doc); apply(doc, step.edit)
    }
    step.update = updates.map(hex)
    step.stacks = [undo.undoStack.length, undo.redoStack.length]
    step.state = [doc.getText('text').toDelta(), doc.getArray('array').toJSON(), doc.getMap('map').toJSON()]
    steps.push(step)
  }
  return { overwrite, steps, final: hex(Y.encodeStateAsUpdate(doc)) }
}

const sessions = []
for (let i = 0; i < 8; i++) sessions.push(session())
const lines = sessions.map(({ overwrite, steps, final }) =>
  `{"overwrite":${overwrite},"steps":[\n${steps.map((step) => JSON.stringify(step)).join(',\n')}\n],"final":"${final}"}`)
writeFileSync(new URL('./undo.json', import.meta.url),
  `{"generator":"tests/golden/yjs/generate_undo.mjs","yjs":"${version}","sessions":[\n${lines.join(',\n')}\n]}\n`)
