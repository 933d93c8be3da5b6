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

// Found by the differential fuzz: which delete is looked at first decides what is cleaned up.
const foundInFuzz = (name, updates) => {
  const doc = new Y.Doc()
  doc.getText('text')
  const effective = []
  for (const update of updates) {
    const events = []
    doc.on('update', (event) => events.push(event))
    Y.applyUpdate(doc, Buffer.from(update, 'hex'))
    doc._observers.delete('update')
    if (events.length > 0) effective.push(hex(events.length === 1 ? events[0] : Y.mergeUpdates(events)))
  }
  cases.push({
    name,
    gc: true,
    typed: true,
    pending: doc.store.pendingStructs !== null || doc.store.pendingDs !== null,
    updates,
    effective,
    state: hex(Y.encodeStateAsUpdate(doc)),
    stateVector: hex(Y.encodeStateVector(doc)),
    text: doc.getText('text').toString(),
    delta: JSON.stringify(doc.getText('text').toDelta()),
    merged: hex(Y.mergeUpdates(updates.map((one) => Buffer.from(one, 'hex')))),
    diff: hex(Y.encodeStateAsUpdate(doc, Y.encodeStateVector(new Map([[1, 2]]))))
  })
}
foundInFuzz('marks and text of two clients deleted at once', [
  '01010400080105617272617901' + '7900',
  '0308ae0400880401027dbfffffff0f7d07c80401ae040002760201617d0101627601016375017e7d072101036d61700162010501047465' +
  '7874107b22696d616765223a22f09f9880227d2801036d617008d0bad0bbd18ed187017704746578744648030473697a6503312e3586ae' +
  '04050473697a65046e756c6c2801036d6170016301781a4800210105706c61696e046c616e670100018104020104010474657874013086' +
  '48030473697a6503312e3584480404f09f98808648060473697a65046e756c6c040105706c61696e016244480804f09f98802101036d61' +
  '70016301864807066974616c6963047472756584480c02c3a986480d066974616c6963046e756c6c47040c060400480f01304648100763' +
  '6f6d6d656e74087b226964223a317dc448114810082271756f74656422c64819481007636f6d6d656e74046e756c6c2800480f046c616e' +
  '6701792101036d617008d0bad0bbd18ed18701874802020600481d04626f6c64047472756584481e016286481f04626f6c64046e756c6c' +
  '8448200777c3b6726c642081480b012204000801056172726179017c53800000810400012101036d61700161010004c104000401010004' +
  '010103786d6c01000181040102040105706c61696e047461620944041001300002c30400040703010203c804170407017b7e37e43c8800' +
  '759c864803066974616c69630474727565840419082271756f74656422860421066974616c6963046e756c6cc404140410027461c40424' +
  '0410026209c704240425020600042704626f6c640474727565840428016186042904626f6c64046e756c6c84042a02c3a944480302c3a9' +
  '0a05c44803041906e697a5e69cac0a08884800017e8548070d7b22696d616765223a2278227d0a0188043c01760201617d010162760101' +
  '6375017ec404360437082271756f74656422480400027b3ff199999999999a750003ae04010401480400030b011c0127010403010f1502' +
  '3c01',
  '0101043e2901036d617001630567756964347601046d6574617601016d7d01024801040404011d05'
])

writeFileSync(new URL('documents.json', here),
  JSON.stringify({ origin: `stock Yjs ${version}, tests/golden/yjs/generate.mjs`, cases }, null, 1) + '\n')
