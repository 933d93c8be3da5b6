// Differential fuzzing of what observers are told: the same random edits and updates go to our
// documents and to stock Yjs documents with the same client ids. After each transaction both must
// have told the same: hooks in the same order, updates of the same bytes, events with the same
// paths, keys and deltas, subdocuments added, removed and loaded; and now and then the whole
// documents must read the same (JSON, XML, deltas, tree walks).
//
//     node events_fuzz.mjs --tool PATH [--sessions N] [--seed FIRST] [--seconds S] [--steps N]
//
// Replays one session with --seed N --sessions 1; --verbose prints its steps, --record FILE writes
// commands and what Yjs answers, as tests/golden/yjs/events.txt was made (events_test.cpp).

import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import * as Y from 'yjs'
import * as encoding from 'lib0/encoding'
import { random } from './random.mjs'

const { values: options } = parseArgs({
  options: {
    tool: { type: 'string' },
    sessions: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '0' },
    steps: { type: 'string', default: '40' },
    record: { type: 'string' },
    verbose: { type: 'boolean', default: false }
  }
})
const { version } = JSON.parse(readFileSync(new URL('node_modules/yjs/package.json', import.meta.url)))
console.warn = () => {}
console.error = () => {}

const child = spawn(options.tool, { stdio: ['pipe', 'pipe', 'inherit'] })
const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
const recorded = []
const ask = async (...words) => {
  recorded.push([words.join(' ')])
  child.stdin.write(words.join(' ') + '\n')
  const { value, done } = await answers.next()
  if (done) throw new Error(`the tool died at: ${words.join(' ').slice(0, 400)}`)
  if (!value.startsWith('ok')) throw new Error(`${value} at: ${words.join(' ').slice(0, 400)}`)
  return value.slice(3)
}
const hex = (bytes) => Buffer.from(bytes).toString('hex')
const anyHex = (value) => hex(encoding.encode((encoder) => encoding.writeAny(encoder, value)))

// --- As JSON, the same on both sides -------------------------------------------------------------

const plain = (value) => {
  if (value === undefined || value === null) return null
  if (typeof value === 'bigint') return { $bigint: String(value) }
  if (value instanceof Uint8Array) return { $bytes: [...value] }
  if (value instanceof Y.AbstractType) return plain(value.toJSON())
  if (value instanceof Y.Doc) return {}
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object') {
    const out = {}
    for (const key of Object.keys(value)) if (value[key] !== undefined) out[key] = plain(value[key])
    return out
  }
  return value
}
const sorted = (value) => {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
}
const same = (what, ours, theirs) => {
  const left = JSON.stringify(sorted(JSON.parse(ours)))
  const right = JSON.stringify(sorted(JSON.parse(JSON.stringify(plain(theirs)))))
  recorded.at(-1).push(right)
  if (left === right) return
  let at = 0
  while (left[at] === right[at]) at++
  throw new Error(`${what}\n  ours ${left}\n  yjs  ${right}\n  from ${left.slice(Math.max(0, at - 60), at + 60)}`)
}

// --- Yjs, watched --------------------------------------------------------------------------------

const kinds = [Y.Array, Y.Map, Y.Text, Y.XmlElement, Y.XmlFragment, Y.XmlHook, Y.XmlText]
const kindOf = (type) => kinds.indexOf(type.constructor)
const describe = (event) => {
  // Yjs gives its first answer again even where an observer has edited since; we read anew.
  event._delta = event._changes = null
  const path = [...event.path]
  const keys = [...event.keys].map(([key, { action, oldValue }]) => [key, action, plain(oldValue)])
  const subs = [...event.transaction.changed.get(event.target)]
  return {
    path,
    kind: kindOf(event.target),
    keys,
    touched: subs.filter((key) => key !== null),
    list: subs.includes(null),
    delta: plain(event.target instanceof Y.Text || subs.includes(null) ? event.delta : [])
  }
}
const describeDocs = (docs) => [...docs].map(({ guid, meta, autoLoad, shouldLoad }) =>
  ({ guid, meta: plain(meta), autoLoad, shouldLoad }))

class Watched {
  constructor (client, gc) {
    const doc = this.doc = new Y.Doc({ gc })
    doc.clientID = client
    this.roots = [doc.getText('text'), doc.getMap('map'), doc.getArray('array'),
      doc.getXmlFragment('xml'), doc.getXmlElement('element')]
    this.journal = []
    const note = (transaction, what, number, value) => this.journal.push({ transaction, entry: [what, number, plain(value)] })
    this.roots.forEach((root, i) => {
      root.observe((event, transaction) => note(transaction, 'own', i, describe(event)))
      root.observeDeep((events, transaction) => note(transaction, 'deep', i, events.map(describe)))
    })
    const hook = (name) => (transaction) => note(transaction, name, transaction.local ? 1 : 0, transaction.origin)
    doc.on('beforeTransaction', hook('before'))
    doc.on('beforeObserverCalls', hook('calls'))
    doc.on('afterTransaction', hook('after'))
    doc.on('afterTransactionCleanup', hook('clean'))
    doc.on('update', (update, origin, _, transaction) => note(transaction, 'update', transaction.local ? 1 : 0, hex(update)))
    doc.on('subdocs', ({ added, removed, loaded }, _, transaction) =>
      note(transaction, 'subdocs', 0, [added, removed, loaded].map(describeDocs)))
    doc.on('afterAllTransactions', (_, all) => note(null, 'all', all.filter((one) => !this.empty(one)).length, null))
  }

  /** Reading a delta begins a transaction in Yjs that mostly does nothing: not told of by us. */
  empty (transaction) {
    return transaction !== this.first && transaction.deleteSet.clients.size === 0 &&
      [...transaction.afterState].every(([client, clock]) => transaction.beforeState.get(client) === clock)
  }

  take () {
    const journal = this.journal
    this.journal = []
    return journal.filter(({ transaction, entry }) =>
      transaction === null || entry[0] === 'subdocs' || !this.empty(transaction)).map(({ entry }) => entry)
  }

  dump () {
    const walk = (type) => [...type.createTreeWalker(() => true)].map((node) => node.toJSON())
    return [...this.roots.map((root) => root.toJSON()), this.roots[0].toDelta(), walk(this.roots[3]),
      this.roots[3].querySelectorAll('P').map(String), describeDocs(this.doc.subdocs)]
  }
}

// --- Random edits --------------------------------------------------------------------------------

const words = ['a', 'bc', 'hello', 'wörld ', '日本', '\n', '0']
const scalars = [0, 1, -7, 0.5, 1e300, true, false, null, 'text', '', [1, [2]], { a: 1, b: { c: [null] } }, Uint8Array.of(1, 2)]
const attributeNames = ['bold', 'size', 'link']
const attributeValues = [true, null, 1, 'x', { id: 1 }, { id: 2 }]
const keys = ['k', 'l', 'm', 'n']
let guids = 0

const attributesOf = (r) => Object.fromEntries(attributeNames.filter(() => r.chance(40)).map((name) => [name, r.pick(attributeValues)]))

/** What is to be inserted: for the tool, and a maker for Yjs. */
const newValue = (r, depth, only) => {
  const list = (of) => Array.from({ length: r.below(3) }, () => newValue(r, depth + 1, of))
  const entries = (of) => keys.filter(() => r.chance(30)).map((key) => [key, newValue(r, depth + 1, of)])
  const type = (t, more, make) => ({ spec: { t, ...more }, make })
  const node = () => {
    switch (r.below(depth > 1 ? 1 : 4)) {
      case 0: {
        const delta = r.chance(30)
          ? [{ insert: r.pick(words), attributes: { bold: { a: 'x' } } }, { insert: r.pick(words) }]
          : [{ insert: r.pick(words) }]
        return type(6, { delta }, () => { const text = new Y.XmlText(); text.applyDelta(delta); return text })
      }
      case 1: case 2: {
        const name = r.pick(['p', 'DIV', 'span'])
        const children = list('node')
        const attributes = entries('scalar')
        return type(3, { name, list: children.map((c) => c.spec), entries: Object.fromEntries(attributes.map(([k, v]) => [k, v.spec])) },
          () => {
            const element = new Y.XmlElement(name)
            element.insert(0, children.map((c) => c.make()))
            attributes.forEach(([k, v]) => element.setAttribute(k, v.make()))
            return element
          })
      }
      default: {
        const held = entries('scalar')
        return type(5, { name: 'hook', entries: Object.fromEntries(held.map(([k, v]) => [k, v.spec])) },
          () => { const hook = new Y.XmlHook('hook'); held.forEach(([k, v]) => hook.set(k, v.make())); return hook })
      }
    }
  }
  const scalar = () => { const v = r.pick(scalars); return { spec: { v }, make: () => v } }
  if (only === 'scalar' || (depth > 2 && only !== 'node')) return scalar()
  if (only === 'node') return node()
  switch (r.below(10)) {
    case 0: { const text = r.pick(words); return type(2, { delta: [{ insert: text }] }, () => new Y.Text(text)) }
    case 1: {
      const held = list()
      return type(0, { list: held.map((c) => c.spec) }, () => Y.Array.from(held.map((c) => c.make())))
    }
    case 2: {
      const held = entries()
      return type(1, { entries: Object.fromEntries(held.map(([k, v]) => [k, v.spec])) },
        () => { const map = new Y.Map(); held.forEach(([k, v]) => map.set(k, v.make())); return map })
    }
    case 3: {
      const held = list('node')
      return type(4, { list: held.map((c) => c.spec) },
        () => { const fragment = new Y.XmlFragment(); fragment.insert(0, held.map((c) => c.make())); return fragment })
    }
    case 4: return node()
    case 5: {
      const opts = { guid: `doc-${guids++}`, gc: r.chance(80), autoLoad: r.chance(30), shouldLoad: r.chance(50) }
      if (r.chance(50)) opts.meta = r.pick(['meta', 7, { title: 'x' }])
      return { spec: { d: opts.guid, ...opts }, make: () => new Y.Doc(opts) }
    }
    default: return scalar()
  }
}

/** All types that can be addressed, with their paths. */
const typesOf = (watched) => {
  const found = []
  const visit = (type, path) => {
    found.push([type, path])
    if (path.length > 6) return
    if (type instanceof Y.Map) type.forEach((value, key) => { if (value instanceof Y.AbstractType) visit(value, [...path, key]) })
    else if (!(type instanceof Y.Text)) type.toArray().forEach((value, i) => { if (value instanceof Y.AbstractType) visit(value, [...path, i]) })
  }
  ;['text', 'map', 'array', 'xml', 'element'].forEach((kind, i) => visit(watched.roots[i], [kind, kind]))
  return found
}

/** Whether Yjs's clone() would put the same subdocument, or the same type in a hook, in again. */
const sharesContent = (value) => value instanceof Y.Doc ||
  (value instanceof Y.XmlHook && [...value.values()].some((held) => held instanceof Y.AbstractType)) ||
  (value instanceof Y.Map && [...value.values()].some(sharesContent)) ||
  (value instanceof Y.Text && value.toDelta().some((op) => op.insert instanceof Y.AbstractType)) ||
  ((value instanceof Y.Array || value instanceof Y.XmlFragment) && value.toArray().some(sharesContent))

/** One edit, run on the Yjs document; returns it as the tool takes it. */
const edit = (r, watched) => {
  const [type, path] = r.pick(typesOf(watched))
  const say = (...rest) => [path, ...rest]
  const range = () => {
    const index = r.below(type.length)
    return [index, 1 + r.below(Math.min(type.length - index, 6))]
  }
  if (type instanceof Y.Text) {
    const index = r.below(type.length + 1)
    switch (r.below(8)) {
      case 0: case 1: {
        const text = r.pick(words)
        if (r.chance(60)) { type.insert(index, text); return say('insert', index, text) }
        const attributes = attributesOf(r)
        type.insert(index, text, { ...attributes })
        return say('insert', index, text, attributes)
      }
      case 2: {
        const attributes = attributesOf(r)
        const value = r.chance(50) ? { spec: { v: { image: 'x' } }, make: () => ({ image: 'x' }) } : newValue(r, 1, r.chance(50) ? 'node' : 'scalar')
        if (value.spec.v !== undefined && (value.spec.v === null || typeof value.spec.v !== 'object' || value.spec.v instanceof Uint8Array || Array.isArray(value.spec.v))) return null
        if (value.spec.t === undefined && value.spec.v === undefined) return null
        type.insertEmbed(index, value.make(), { ...attributes })
        return say('embed', index, value.spec, attributes)
      }
      case 3: case 4: {
        if (type.length === 0) return null
        const [at, length] = range()
        const attributes = attributesOf(r)
        type.format(at, length, { ...attributes })
        return say('format', at, length, attributes)
      }
      case 5: {
        if (type.length === 0) return null
        const [at, length] = range()
        type.delete(at, length)
        return say('erase', at, length)
      }
      case 6: {
        const delta = []
        for (let i = r.below(4); i >= 0; i--) {
          const attributes = r.chance(40) ? { attributes: attributesOf(r) } : {}
          switch (r.below(4)) {
            case 0: delta.push({ retain: 1 + r.below(4), ...attributes }); break
            // Yjs dies of deleting from a text that never held anything.
            case 1: if (type._start !== null) delta.push({ delete: 1 + r.below(3) }); break
            default: delta.push({ insert: r.pick(words), ...attributes })
          }
        }
        const sanitize = r.chance(80)
        type.applyDelta(structuredClone(delta), { sanitize })
        return say('delta', delta, sanitize)
      }
      default: {
        const key = r.pick(keys)
        const value = r.pick(scalars)
        type.setAttribute(key, value)
        return say('textattr', key, value)
      }
    }
  }
  if (type instanceof Y.Map) {
    const key = r.pick(keys)
    switch (r.below(8)) {
      case 0: type.delete(key); return say('unset', key)
      case 1: if (r.chance(30)) { type.clear(); return say('clear') } return null
      case 2: {
        const held = type.get(key)
        if (!(held instanceof Y.Doc)) return null
        if (r.chance(60)) { held.load(); return say('load', key) }
        held.destroy()
        return say('destroy', key)
      }
      default: {
        const value = newValue(r, 0)
        type.set(key, value.make())
        return say('set', key, value.spec)
      }
    }
  }
  if (type.length > 0 && r.chance(25)) {
    const [at, length] = range()
    type.delete(at, length)
    return say('delete', at, length)
  }
  const index = r.below(type.length + 1)
  if (type instanceof Y.Array) {
    if (type.length > 0 && r.chance(10)) {
      const from = r.below(type.length)
      const held = type.get(from)
      if (!(held instanceof Y.AbstractType) || sharesContent(held)) return null
      type.insert(index, [held.clone()])
      return say('copy', from, index)
    }
    const values = Array.from({ length: 1 + r.below(3) }, () => newValue(r, 0))
    if (r.chance(30)) {
      type.push(values.map((value) => value.make()))
      return say('push', values.map((value) => value.spec))
    }
    type.insert(index, values.map((value) => value.make()))
    return say('values', index, values.map((value) => value.spec))
  }
  if (type instanceof Y.XmlElement && r.chance(40)) {
    const key = r.pick(keys)
    const value = r.pick(scalars)
    type.setAttribute(key, value)
    return say('attr', key, value)
  }
  const nodes = Array.from({ length: 1 + r.below(2) }, () => newValue(r, 0, 'node'))
  if (type.length > 0 && r.chance(30)) {
    const after = r.below(type.length)
    type.insertAfter(type.get(after), nodes.map((node) => node.make()))
    return say('after', after, nodes.map((node) => node.spec))
  }
  type.insert(index, nodes.map((node) => node.make()))
  return say('nodes', index, nodes.map((node) => node.spec))
}

// --- Sessions ------------------------------------------------------------------------------------

const session = async (seed) => {
  const r = random(seed)
  const gc = r.chance(70)
  const count = 2 + r.below(2)
  const docs = []
  const inbox = Array.from({ length: count }, () => [])
  for (let i = 0; i < count; i++) {
    docs.push(new Watched(100 + i, gc))
    await ask('new', `d${i}`, 100 + i, gc ? 1 : 0)
  }
  const send = (from, journal) => {
    for (const [what, , value] of journal) {
      if (what === 'update') for (let i = 0; i < count; i++) if (i !== from) inbox[i].push(value)
    }
  }
  const apply = async (to, update) => {
    const watched = docs[to]
    watched.doc.once('beforeTransaction', (transaction) => { watched.first = transaction })
    Y.applyUpdate(watched.doc, Buffer.from(update, 'hex'), 'remote')
    const journal = watched.take()
    const answer = await ask('apply', `d${to}`, 'remote', update)
    if (options.verbose) console.log(`apply to d${to}`, JSON.stringify(journal))
    same(`seed ${seed}: an update applied to d${to}`, answer.slice(2), journal)
    // What formatting clean-up deletes goes to the others as well.
    send(to, journal.slice(journal.findIndex(([what]) => what === 'update') + 1))
  }
  for (let step = 0; step < Number(options.steps); step++) {
    const i = r.below(count)
    const watched = docs[i]
    if (inbox[i].length > 0 && r.chance(45)) {
      const many = 1 + r.below(inbox[i].length)
      const updates = inbox[i].splice(0, many)
      if (many > 1 && r.chance(30)) {
        await apply(i, hex(Y.mergeUpdates(updates.map((update) => Buffer.from(update, 'hex')))))
      } else {
        for (const update of updates) await apply(i, update)
      }
    } else {
      const edits = []
      watched.doc.once('beforeTransaction', (transaction) => { watched.first = transaction })
      watched.doc.transact(() => {
        for (let n = r.chance(60) ? 1 : 1 + r.below(4); n > 0; n--) {
          const one = edit(r, watched)
          if (one !== null) edits.push(one)
        }
      }, 'local')
      const journal = watched.take()
      if (options.verbose) console.log(`d${i}`, JSON.stringify(plain(edits)), JSON.stringify(journal))
      const [, json] = (await ask('do', `d${i}`, 'local', anyHex(edits))).split(/ (.*)/s)
      same(`seed ${seed}: edits of d${i} at step ${step}`, json, journal)
      send(i, journal)
    }
    if (r.chance(15)) {
      same(`seed ${seed}: d${i} read at step ${step}`, await ask('dump', `d${i}`), watched.dump())
    }
  }
  for (let i = 0; i < count; i++) {
    while (inbox[i].length > 0) await apply(i, inbox[i].shift())
  }
  for (let i = 0; i < count; i++) {
    same(`seed ${seed}: d${i} read at the end`, await ask('dump', `d${i}`), docs[i].dump())
    const state = hex(Y.encodeStateAsUpdate(docs[i].doc))
    const ours = await ask('state', `d${i}`)
    recorded.at(-1).push(JSON.stringify(state))
    if (ours !== state) throw new Error(`seed ${seed}: state of d${i}\n  ours ${ours}\n  yjs  ${state}`)
    await ask('drop', `d${i}`)
  }
}

const first = Number(options.seed)
const until = Number(options.seconds) > 0 ? Date.now() + Number(options.seconds) * 1000 : 0
let run = 0
for (let seed = first; until > 0 ? Date.now() < until : seed < first + Number(options.sessions); seed++) {
  guids = 0
  await session(seed)
  run++
}
if (options.record) {
  writeFileSync(options.record, `# stock Yjs ${version}: tests/interop/events_fuzz.mjs --record\n` +
    recorded.map((line) => line.join('\t') + '\n').join(''))
}
console.log(`${run} sessions from seed ${first}, 0 differences`)
child.stdin.end()
