// Writes updates_v2.json: the sessions of documents.json and some more in update format v2, and what
// each tool of stock Yjs makes of them; and from the same the seeds of the fuzz target of v2. Run
// after generate.mjs, with tests/interop's node_modules:
//
//     node tests/golden/yjs/generate_v2.mjs

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(new URL('../../interop/package.json', import.meta.url))
const Y = require('yjs')
const { version } = JSON.parse(readFileSync(new URL('../../interop/node_modules/yjs/package.json', import.meta.url)))
const here = new URL('./', import.meta.url)
const corpus = new URL('../../fuzz/corpus/crdt_update_v2_fuzz/', here)

const hex = (bytes) => Buffer.from(bytes).toString('hex')
const unhex = (text) => Uint8Array.from(Buffer.from(text, 'hex'))
const since = Y.encodeStateVector(new Map([[1, 2]]))
const cases = []

const record = (name, updates, gc = true) => {
  const doc = new Y.Doc({ gc })
  const effective = []
  doc.on('updateV2', (update) => effective.push(hex(update)))
  for (const update of updates) Y.applyUpdateV2(doc, update)
  const merged = Y.mergeUpdatesV2(updates)
  cases.push({
    name,
    gc,
    updates: updates.map(hex),
    v1: updates.map((update) => hex(Y.convertUpdateFormatV2ToV1(update))),
    effective,
    state: hex(Y.encodeStateAsUpdateV2(doc)),
    stateV1: hex(Y.encodeStateAsUpdate(doc)),
    stateSince: hex(Y.encodeStateAsUpdateV2(doc, since)),
    stateVector: hex(Y.encodeStateVector(doc)),
    pending: doc.store.pendingStructs !== null || doc.store.pendingDs !== null,
    merged: hex(merged),
    mergedV1: hex(Y.convertUpdateFormatV2ToV1(merged)),
    mergedStateVector: hex(Y.encodeStateVectorFromUpdateV2(merged)),
    diff: hex(Y.diffUpdateV2(merged, since)),
    obfuscated: hex(Y.obfuscateUpdateV2(merged)),
    obfuscatedV1: hex(Y.obfuscateUpdate(Y.convertUpdateFormatV2ToV1(merged))),
    obfuscatedLess: hex(Y.obfuscateUpdateV2(merged, { formatting: false, subdocs: false, yxml: false }))
  })
}
/** What one document of client 1 sends while `edits` run. */
const session = (edits) => {
  const doc = new Y.Doc()
  doc.clientID = 1
  const updates = []
  doc.on('updateV2', (update) => updates.push(update))
  edits(doc)
  return updates
}

for (const one of JSON.parse(readFileSync(new URL('documents.json', here))).cases) {
  record(one.name, one.updates.map((update) => Y.convertUpdateFormatV1ToV2(unhex(update))), one.gc)
}
record('halves of pairs', session((doc) => {
  const text = doc.getText('text')
  text.insert(0, 'a\ud83d')
  text.insert(0, '\ude00b')
  text.insert(2, '\ud83d\ude00')
}))
record('values that JSON has not', session((doc) => {
  const text = doc.getText('text')
  text.insert(0, 'abc')
  text.insertEmbed(1, { bytes: Uint8Array.from([1, 2]), nan: NaN, gone: undefined, zero: -0 })
  text.format(0, 2, { mark: Uint8Array.from([7]), number: Infinity })
  doc.getMap('map').set('big', 123n)
  doc.getMap('map').set('none', undefined)
}))
record('names and keys', session((doc) => {
  const xml = doc.getXmlFragment('xml')
  xml.insert(0, [new Y.XmlElement('p'), new Y.XmlElement('p'), new Y.XmlHook('hook'), new Y.XmlHook('p')])
  const text = doc.getText('text')
  text.insert(0, 'abcdef')
  for (let i = 0; i < 3; i++) text.format(i, 2, { bold: true, 'größe': i })
  doc.getMap('map').set('', 1)
}))
const runs = session((doc) => {
  const text = doc.getText('text')
  for (let i = 0; i < 50; i++) text.insert(0, 'x')
  text.delete(0, 50)
})
record('a run of deleted items', runs)
record('a gap', [runs[0], ...runs.slice(3, 6)])
record('nothing', [Y.encodeStateAsUpdateV2(new Y.Doc())])

writeFileSync(new URL('updates_v2.json', here), JSON.stringify({ yjs: version, cases }, null, 1) + '\n')
mkdirSync(corpus, { recursive: true })
for (const one of cases) {
  const name = one.name.replace(/[^A-Za-z]+/g, '-')
  writeFileSync(new URL(`${name}`, corpus), unhex(one.merged))
}
