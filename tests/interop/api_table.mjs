// Completeness as a test: docs/API/crdt.md has a row for everything that stock Yjs makes public, and
// what a row gives as its counterpart here exists in a header of crdt/.
//
//     node api_table.mjs
//
// Public is: each export, each method and accessor of an exported class (names with a leading
// underscore apart), and the fields below, which Yjs documents but keeps as plain properties.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as Y from 'yjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

const fields = {
  Doc: ['clientID', 'guid', 'collectionid', 'gc', 'gcFilter', 'share', 'subdocs', 'shouldLoad', 'autoLoad',
    'meta', 'isLoaded', 'isSynced', 'isDestroyed', 'whenLoaded', 'whenSynced', 'on', 'once', 'off'],
  Transaction: ['doc', 'deleteSet', 'beforeState', 'afterState', 'changed', 'changedParentTypes', 'origin',
    'meta', 'local', 'subdocsAdded', 'subdocsRemoved', 'subdocsLoaded'],
  YEvent: ['target', 'currentTarget', 'transaction'],
  YTextEvent: ['childListChanged', 'keysChanged'],
  YMapEvent: ['keysChanged'],
  YXmlEvent: ['childListChanged', 'attributesChanged'],
  UndoManager: ['scope', 'deleteFilter', 'trackedOrigins', 'captureTransaction', 'undoStack', 'redoStack',
    'undoing', 'redoing', 'ignoreRemoteMapChanges', 'captureTimeout'],
  AbsolutePosition: ['type', 'index', 'assoc'],
  RelativePosition: ['type', 'tname', 'item', 'assoc'],
  Snapshot: ['ds', 'sv'],
  ID: ['client', 'clock'],
  AbstractType: ['doc'],
  XmlElement: ['nodeName'],
  XmlHook: ['hookName']
}

// How Yjs stores and writes what is in a document. Its counterpart is crdt/internal, or nothing.
const inner = /^(Content[A-Z]\w*|Update(De|En)coderV[12]|Item|GC|Skip|AbstractStruct|AbstractConnector)$/

const names = []
for (const name of Object.keys(Y).sort()) {
  names.push(name)
  const value = Y[name]
  if (inner.test(name) || typeof value !== 'function' || !/^class/.test(Function.prototype.toString.call(value))) continue
  const statics = Object.getOwnPropertyNames(value).filter((member) => !['length', 'name', 'prototype'].includes(member))
  const methods = Object.getOwnPropertyNames(value.prototype).filter((member) => member !== 'constructor')
  for (const member of new Set([...statics, ...methods, ...(fields[name] ?? [])])) {
    if (!member.startsWith('_')) names.push(`${name}.${member}`)
  }
}

const headers = readdirSync(join(root, 'crdt')).filter((file) => file.endsWith('.hpp'))
  .map((file) => readFileSync(join(root, 'crdt', file), 'utf8')).join('\n')
const rows = new Map()
for (const line of readFileSync(join(root, 'docs/API/crdt.md'), 'utf8').split('\n')) {
  const [, yjs, ours] = line.split('|').map((cell) => cell.trim())
  if (ours === undefined) continue
  for (const [, name] of yjs.matchAll(/`([^`]+)`/g)) rows.set(name, ours)
}

const problems = []
for (const name of names) if (!rows.has(name)) problems.push(`no row for ${name}`)
for (const [name, ours] of rows) {
  const known = names.includes(name)
  if (!known) problems.push(`${name} is not public in Yjs`)
  for (const [, code] of ours.matchAll(/`([^`]+)`/g)) {
    for (const word of code.match(/[A-Za-z_]\w*/g) ?? []) {
      if (!new RegExp(`\\b${word}\\b`).test(headers)) problems.push(`${name}: no ${word} in crdt/*.hpp`)
    }
  }
}
for (const problem of problems) console.error(problem)
console.log(`${names.length} public names of yjs, ${rows.size} rows, ${problems.length} problems`)
process.exit(problems.length > 0 ? 1 : 0)
