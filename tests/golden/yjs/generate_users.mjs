// Writes users.json: documents in which stock Yjs keeps permanent user data. Run in tests/interop's
// node_modules:
//
//     node tests/golden/yjs/generate_users.mjs    (after npm ci in tests/interop)

import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(new URL('../../interop/package.json', import.meta.url))
const Y = require('yjs')
const { version } = JSON.parse(readFileSync(new URL('../../interop/node_modules/yjs/package.json', import.meta.url)))
const hex = (bytes) => Buffer.from(bytes).toString('hex')
const settled = () => new Promise((resolve) => setTimeout(resolve, 5))

const doc = new Y.Doc()
doc.clientID = 1
const text = doc.getText('text')
const users = new Y.PermanentUserData(doc)
const states = []
const state = async () => { await settled(); states.push(hex(Y.encodeStateAsUpdate(doc))) }
users.setUserMapping(doc, 1, 'Ada')
await state()
text.insert(0, 'hello world')
text.delete(2, 3)
await state()
text.delete(0, 1)
await state()
text.insert(1, 'more')
await state()
writeFileSync(new URL('./users.json', import.meta.url),
  JSON.stringify({ generator: 'tests/golden/yjs/generate_users.mjs', yjs: version, states }, null, 1) + '\n')
process.exit(0)
