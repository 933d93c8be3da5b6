// Writes documents.json: sessions by stock Yjs with everything the wire can say, as updates in the
// order they were made, and what Yjs ends with. Run in tests/interop's node_modules:
//
//     node tests/golden/yjs/generate.mjs    (after npm ci in tests/interop)

import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(new URL('../../interop/package.json', import.meta.url))
const Y = require('yjs')
const { version } = JSON.parse(readFileSync(new URL('../../interop/node_modules/yjs/package.json', import.meta.url)))
const here = new URL('./', import.meta.url)

const hex = (bytes) => Buffer.from(bytes).toString('hex')
const cases = []

/** `edits` get (docs, sync): two documents, client ids 1 and 2, and what exchanges all between them. */
const record = (name, edits, { gc = true } = {}) => {
  const updates = []
  const docs = [1, 2].map((client) => {
    const doc = new Y.Doc({ gc })
    doc.clientID = client
    doc.on('update', (update, origin) => { if (origin !== 'sync') updates.push(hex(update)) })
    return doc
  })
  const sync = () => {
    const states = docs.map((doc) => Y.encodeStateAsUpdate(doc))
    Y.applyUpdate(docs[0], states[1], 'sync')
    Y.applyUpdate(docs[1], states[0], 'sync')
  }
  edits(docs, sync)
  sync()
  const replay = new Y.Doc({ gc })
  const effective = []
  replay.on('update', (update) => effective.push(hex(update)))
  for (const update of updates) Y.applyUpdate(replay, Buffer.from(update, 'hex'))
  cases.push({
    name,
    gc,
    updates,
    effective,
    state: hex(Y.encodeStateAsUpdate(replay)),
    stateVector: hex(Y.encodeStateVector(replay)),
    text: docs[0].getText('text').toString(),
    delta: JSON.stringify(docs[0].getText('text').toDelta()),
    merged: hex(Y.mergeUpdates(updates.map((update) => Buffer.from(update, 'hex')))),
    diff: hex(Y.encodeStateAsUpdate(replay, Y.encodeStateVector(new Map([[1, 2]]))))
  })
}

record('typing', ([a]) => {
  const text = a.getText('text')
  for (const [i, c] of [...'hello world'].entries()) text.insert(i, c)
  text.delete(3, 4)
  text.insert(3, '日本😀')
})
record('two people at one place', ([a, b], sync) => {
  a.getText('text').insert(0, 'ab')
  sync()
  a.getText('text').insert(1, 'one')
  b.getText('text').insert(1, 'two')
  b.getText('text').delete(0, 1)
  sync()
  a.getText('text').insert(4, '!')
})
record('formatting', ([a, b], sync) => {
  const text = a.getText('text')
  text.insert(0, 'hello world')
  text.format(0, 5, { bold: true, comment: { id: 7 } })
  sync()
  b.getText('text').format(3, 5, { bold: null, color: 'red' })
  a.getText('text').delete(2, 3)
  text.insertEmbed(1, { image: 'cat.png' })
  sync()
})
record('map', ([a, b], sync) => {
  const map = a.getMap('map')
  map.set('n', 1)
  map.set('n', 2)
  map.set('u', undefined)
  map.set('big', 2n ** 60n)
  map.set('bytes', Uint8Array.of(1, 2, 3))
  map.set('deep', { a: [null, true, -0.5, 1e300, 2 ** 31, '😀'] })
  sync()
  a.getMap('map').set('n', 'a')
  b.getMap('map').set('n', 'b')
  b.getMap('map').delete('u')
})
record('array', ([a, b], sync) => {
  const array = a.getArray('array')
  array.insert(0, [1, 'two', { three: 3 }, [4]])
  array.insert(2, [Uint8Array.of(5)])
  sync()
  array.delete(1, 2)
  b.getArray('array').push([6])
  b.getArray('array').insert(1, [0.1])
})
record('nested types and their deletion', ([a, b], sync) => {
  const inner = new Y.Map()
  a.getArray('array').insert(0, [inner, new Y.Text('inside')])
  inner.set('list', new Y.Array())
  inner.get('list').push([1, 2, new Y.Text('deep')])
  sync()
  b.getArray('array').get(0).get('list').get(2).insert(4, ' down')
  a.getArray('array').delete(0, 1)
  sync()
  b.getArray('array').insert(0, ['after'])
})
record('xml', ([a, b], sync) => {
  const xml = a.getXmlFragment('xml')
  const p = new Y.XmlElement('p')
  p.setAttribute('class', 'x')
  p.insert(0, [new Y.XmlText('hello'), new Y.XmlHook('hook')])
  xml.insert(0, [p])
  sync()
  p.get(0).format(0, 2, { strong: {} })
  b.getXmlFragment('xml').get(0).setAttribute('class', 'y')
})
record('subdocument', ([a]) => {
  a.getMap('map').set('doc', new Y.Doc({ guid: 'a-guid', meta: { title: 'x' }, autoLoad: true }))
  a.getMap('map').set('other', new Y.Doc({ guid: 'b-guid', gc: false }))
  a.getMap('map').delete('doc')
})
record('undo and redo', ([a]) => {
  const text = a.getText('text')
  const undo = new Y.UndoManager(text, { captureTimeout: 0 })
  text.insert(0, 'one ')
  text.insert(4, 'two')
  text.delete(0, 4)
  undo.undo()
  undo.undo()
  undo.redo()
})
record('content kept', ([a, b], sync) => {
  const text = a.getText('text')
  text.insert(0, 'keep what was deleted')
  text.delete(5, 5)
  sync()
  b.getText('text').insert(6, '...')
}, { gc: false })

// Old documents hold arrays as JSON texts, which no stock client writes any more.
const json = () => {
  const update = Buffer.from([1, 1, 7, 0, 2, 1, 5, ...Buffer.from('array'), 3,
    3, ...Buffer.from('"a"'), 1, ...Buffer.from('1'), 9, ...Buffer.from('undefined'), 0])
  const doc = new Y.Doc()
  Y.applyUpdate(doc, update)
  cases.push({
    name: 'JSON content',
    gc: true,
    updates: [hex(update)],
    effective: [hex(update)],
    state: hex(Y.encodeStateAsUpdate(doc)),
    stateVector: hex(Y.encodeStateVector(doc)),
    text: '',
    delta: '[]',
    merged: hex(update),
    diff: hex(Y.encodeStateAsUpdate(doc))
  })
}
json()

writeFileSync(new URL('documents.json', here),
  JSON.stringify({ origin: `stock Yjs ${version}, tests/golden/yjs/generate.mjs`, cases }, null, 1) + '\n')
