// Differential fuzzing: random multi-client sessions made by stock Yjs, replayed into our documents
// and into Yjs mirrors in the same order. After each step both must report the same effective
// update, and at the end the same state vector, the same bytes, the same values.
//
//     node crdt_fuzz.mjs --tool PATH [--sessions N] [--seed FIRST] [--seconds S] [--steps N]
//
// Replays one session with --seed N --sessions 1.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import * as Y from 'yjs'

const { values: options } = parseArgs({
  options: {
    tool: { type: 'string' },
    sessions: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '0' },
    steps: { type: 'string', default: '40' }
  }
})

// --- Our side ----------------------------------------------------------------------------------

const tool = spawn(options.tool, { stdio: ['pipe', 'pipe', 'inherit'] })
const answers = createInterface({ input: tool.stdout })[Symbol.asyncIterator]()
const ask = async (...words) => {
  tool.stdin.write(words.join(' ') + '\n')
  const { value, done } = await answers.next()
  if (done) throw new Error(`the tool died at: ${words.join(' ').slice(0, 200)}`)
  if (!value.startsWith('ok')) throw new Error(`${value} at: ${words.join(' ').slice(0, 200)}`)
  return value.slice(3)
}
const hex = (bytes) => (bytes.length === 0 ? '-' : Buffer.from(bytes).toString('hex'))
const unhex = (text) => (text === '-' ? new Uint8Array() : Uint8Array.from(Buffer.from(text, 'hex')))

// --- Random choices ------------------------------------------------------------------------------

const random = (seed) => {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
  const below = (n) => next() % n
  return { below, chance: (percent) => below(100) < percent, pick: (list) => list[below(list.length)] }
}

const words = ['a', 'b', 'hello', 'wörld ', '日本', '😀', 'x😀y', '\n', 'tab\t', '"quoted"', 'é', '0']
const scalars = [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 40, 0.5, 1.1, -0, 1e300, true, false, null,
  'text', '', '日😀', [1, [2]], { a: 1, b: { c: [null] } }, {}, []]

const any = (r) => r.pick(scalars)
const newType = (r, depth) => {
  switch (r.below(depth > 2 ? 1 : 5)) {
    case 0: return new Y.Text(r.pick(words))
    case 1: {
      const map = new Y.Map()
      map.set('k', any(r))
      if (r.chance(40)) map.set('nested', newType(r, depth + 1))
      return map
    }
    case 2: {
      const array = new Y.Array()
      array.insert(0, [any(r), any(r)])
      if (r.chance(40)) array.insert(1, [newType(r, depth + 1)])
      return array
    }
    case 3: {
      const text = new Y.Text()
      text.applyDelta([{ insert: r.pick(words), attributes: { bold: true } }, { insert: r.pick(words) }])
      return text
    }
    default: return newXml(r, depth)
  }
}
const newXml = (r, depth) => {
  switch (r.below(depth > 2 ? 1 : 3)) {
    case 0: return new Y.XmlText(r.pick(words))
    case 1: return new Y.XmlHook('hook' + r.below(2))
    default: {
      const element = new Y.XmlElement(r.pick(['div', 'P', 'img']))
      element.setAttribute('class', r.pick(words))
      if (r.chance(50)) element.insert(0, [newXml(r, depth + 1)])
      return element
    }
  }
}

let splitPairs = false

/** An index that splits no surrogate pair, unless the session is about that: there stock replicas
 *  diverge among themselves, and ours must do what the one that hears the same does. */
const textIndex = (r, text) => {
  let index = r.below(text.length + 1)
  if (splitPairs) return index
  const plain = flat(text)
  if (index > 0 && /[\ud800-\udbff]/.test(plain[index - 1]) && /[\udc00-\udfff]/.test(plain[index] ?? '')) index++
  return index
}
/** The text with one character for each embed, so that offsets fit. */
const flat = (text) => text.toDelta().map((op) => (typeof op.insert === 'string' ? op.insert : '*')).join('')

/** Whether attributes may be objects. Yjs compares those by identity, which marks that one Yjs made
 *  share in its memory and nobody else can know; so sessions with them have no edits of ours. */
let objectMarks = false
const attributes = (r) => r.pick([{ bold: true }, { bold: null }, { italic: true }, { bold: true, color: 'red' },
  { color: 'blue' }, { color: null }, { size: 1.5 },
  ...(objectMarks ? [{ comment: { id: 1 } }, { comment: { id: 1, deep: { x: 1 } } }] : [])])

const editText = (r, text) => {
  const index = textIndex(r, text)
  let end = textIndex(r, text)
  if (end < index) end = Math.min(text.length, index)
  switch (r.below(8)) {
    case 0: case 1: case 2: text.insert(index, r.pick(words)); break
    case 3: text.delete(index, end - index); break
    case 4: text.format(index, end - index, attributes(r)); break
    case 5: text.insert(index, r.pick(words), attributes(r)); break
    case 6: text.insertEmbed(index, r.chance(50) ? { image: 'x' } : newType(r, 1)); break
    default: text.setAttribute(r.pick(['lang', 'dir']), any(r))
  }
}
const editArray = (r, array) => {
  const index = r.below(array.length + 1)
  switch (r.below(6)) {
    case 0: case 1: array.insert(index, [any(r), any(r)]); break
    case 2: array.insert(index, [newType(r, 0)]); break
    case 3: array.insert(index, [Uint8Array.from([1, 2, 3]), any(r)]); break
    case 4: array.push([any(r)]); break
    default: array.delete(index, Math.min(array.length - index, r.below(4)))
  }
}
const editMap = (r, map) => {
  const key = r.pick(['a', 'b', 'c', 'ключ'])
  switch (r.below(7)) {
    case 0: case 1: case 2: map.set(key, any(r)); break
    case 3: map.set(key, newType(r, 0)); break
    case 4: map.set(key, r.pick([Uint8Array.from([9]), 123n, undefined])); break
    case 5: map.set(key, new Y.Doc({ guid: 'guid' + r.below(5), meta: r.chance(50) ? { m: 1 } : null })); break
    default: map.delete(key)
  }
}
const editXml = (r, xml) => {
  if (xml instanceof Y.XmlElement && r.chance(40)) {
    xml.setAttribute(r.pick(['id', 'class']), r.pick(words))
    return
  }
  if (xml.length > 0 && r.chance(25)) xml.delete(r.below(xml.length), 1)
  else xml.insert(r.below(xml.length + 1), [newXml(r, 0)])
}

const edit = (r, type, depth = 0) => {
  // Go down into a nested type now and then.
  if (depth < 3 && r.chance(40)) {
    const children = []
    if (type instanceof Y.Array || type instanceof Y.XmlFragment) {
      for (const child of type.toArray()) if (child instanceof Y.AbstractType) children.push(child)
    }
    if (type instanceof Y.Map) {
      for (const child of type.values()) if (child instanceof Y.AbstractType) children.push(child)
    }
    if (children.length > 0) return edit(r, r.pick(children), depth + 1)
  }
  if (type instanceof Y.Text) return editText(r, type)
  if (type instanceof Y.Array) return editArray(r, type)
  if (type instanceof Y.XmlHook) return type.set('k', any(r))
  if (type instanceof Y.XmlFragment) return editXml(r, type)
  if (type instanceof Y.Map) return editMap(r, type)
}

const roots = (doc) => [doc.getText('text'), doc.getText('plain'), doc.getArray('array'), doc.getMap('map'),
  doc.getXmlFragment('xml')]
const rootNames = ['text', 'plain', 'array', 'map', 'xml']

// --- A session -----------------------------------------------------------------------------------

/** Our document and a Yjs document that see exactly the same updates in the same order. */
class Pair {
  constructor (name, gc, client) {
    this.name = name
    this.mirror = new Y.Doc({ gc })
    this.mirror.clientID = client
    this.events = []
    this.mirror.on('update', (update) => this.events.push(update))
  }

  static async create (name, gc, client, typed) {
    const pair = new Pair(name, gc, client)
    await ask('new', name, client, gc ? 1 : 0)
    if (typed) {
      // What a root is known to be decides whether its formatting is cleaned up. The tool has no
      // XML roots, and they have no formatting of their own.
      pair.mirror.getText('text'); pair.mirror.getText('plain')
      pair.mirror.getArray('array'); pair.mirror.getMap('map')
      await ask('declare', name, 'text', 'text'); await ask('declare', name, 'text', 'plain')
      await ask('declare', name, 'array', 'array'); await ask('declare', name, 'map', 'map')
    }
    return pair
  }

  async apply (update) {
    this.events = []
    this.mirror.transact(() => {
      Y.applyUpdate(this.mirror, update)
      this.retryPending()
    })
    const [changed, pending, effective] = (await ask('apply', this.name, hex(update))).split(' ')
    this.expect('changed', changed, this.events.length > 0 ? '1' : '0')
    const expected = this.events.length > 1 ? Y.mergeUpdates(this.events) : this.events[0] ?? new Uint8Array()
    this.expect('effective update', effective, hex(expected))
    const store = this.mirror.store
    this.expect('pending', pending, store.pendingStructs || store.pendingDs ? '1' : '0')
  }

  /** Yjs tries pending structs again only when the last thing it stumbled over arrives; we do when
   *  any of them can be placed. So that both do it at once, Yjs is made to try. */
  retryPending () {
    const store = this.mirror.store
    while (store.pendingStructs) {
      const before = hex(Y.encodeStateVector(this.mirror))
      const { update } = store.pendingStructs
      store.pendingStructs = null
      Y.applyUpdateV2(this.mirror, update)
      if (hex(Y.encodeStateVector(this.mirror)) === before) break
    }
  }

  /** The same edit by us and by Yjs: the updates must be the same bytes. */
  async editBoth (r) {
    const attribute = (value) => hex(Buffer.from(JSON.stringify(value)))
    const both = async (theirs, ...ours) => {
      this.events = []
      this.mirror.transact(theirs)
      const expected = this.events.length > 0 ? this.events[0] : new Uint8Array()
      this.expect(`update of ${ours.join(' ')}`, await ask(ours[0], this.name, ...ours.slice(1)), hex(expected))
      return expected
    }
    const root = r.pick(['text', 'plain'])
    const text = this.mirror.getText(root)
    const index = textIndex(r, text)
    const end = Math.max(index, textIndex(r, text))
    const array = this.mirror.getArray('array')
    const at = r.below(array.length + 1)
    const key = r.pick(['a', 'b', 'c', 'ключ'])
    const map = this.mirror.getMap('map')
    const word = r.pick(words)
    const json = r.pick(scalars.filter((v) => !Object.is(v, -0)))
    const marks = attributes(r)
    switch (objectMarks ? 3 + r.below(4) : r.below(root === 'text' ? 11 : 7)) {
      case 0: case 1: return both(() => text.insert(index, word), 'text', 'insert', root, index, hex(Buffer.from(word)))
      case 2: return both(() => text.delete(index, end - index), 'text', 'remove', root, index, end - index)
      case 3: return both(() => map.set(key, json), 'map', 'set', 'map', key, attribute(json))
      case 4: return both(() => map.delete(key), 'map', 'remove', 'map', key)
      case 5: return both(() => array.insert(at, [json, 7]), 'array', 'insert', 'array', at, attribute([json, 7]))
      case 6: {
        const count = Math.min(array.length - at, r.below(4))
        return both(() => array.delete(at, count), 'array', 'remove', 'array', at, count)
      }
      case 7: case 8:
        return both(() => text.format(index, end - index, marks), 'text', 'format', root, index, end - index, attribute(marks))
      case 9:
        return both(() => text.insert(index, word, { ...marks }), 'text', 'insert', root, index, hex(Buffer.from(word)), attribute(marks))
      default:
        return both(() => text.insertEmbed(index, { image: word }), 'text', 'embed', root, index, attribute({ image: word }))
    }
  }

  async check () {
    this.expect('state vector', await ask('sv', this.name), hex(Y.encodeStateVector(this.mirror)))
    this.expect('state', await ask('state', this.name), hex(Y.encodeStateAsUpdate(this.mirror)))
  }

  async checkDiff (vector) {
    // Trying pending structs again drops those known by then. That shows here, and does no harm.
    if (this.mirror.store.pendingStructs) return
    this.expect('diff', await ask('state', this.name, hex(vector)), hex(Y.encodeStateAsUpdate(this.mirror, vector)))
  }

  expect (what, ours, theirs) {
    if (ours === theirs) return
    throw new Error(`${what} of ${this.name}\n  ours ${ours}\n  yjs  ${theirs}`)
  }
}

/** JSON with the types that JSON has not, as our to_json() writes them. */
const canonical = (value) => {
  if (value instanceof Uint8Array) return { $bytes: [...value] }
  if (typeof value === 'bigint') return { $bigint: value.toString() }
  if (value instanceof Y.Doc) return { guid: value.guid }
  if (value instanceof Y.AbstractType) return canonical(value.toJSON())
  if (Array.isArray(value)) return value.map((v) => (v === undefined ? null : canonical(v)))
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.keys(value).sort().filter((k) => value[k] !== undefined).map((k) => [k, canonical(value[k])]))
  }
  return value
}
const same = (a, b) => JSON.stringify(canonical(a)) === JSON.stringify(canonical(b))

const checkValues = async (pair) => {
  // Our state, read by a fresh Yjs, must be the mirror's document; and our own reading must agree.
  const fresh = new Y.Doc()
  Y.applyUpdate(fresh, unhex(await ask('state', pair.name)))
  const theirs = new Y.Doc()
  Y.applyUpdate(theirs, Y.encodeStateAsUpdate(pair.mirror))
  const freshRoots = roots(fresh)
  const theirRoots = roots(theirs)
  for (let i = 0; i < rootNames.length; i++) {
    if (!same(freshRoots[i].toJSON(), theirRoots[i].toJSON())) throw new Error(`JSON of ${rootNames[i]} differs in Yjs`)
    if (rootNames[i] === 'xml') continue
    await ask('declare', pair.name, rootNames[i] === 'plain' ? 'text' : rootNames[i], rootNames[i])
    const ours = JSON.parse(await ask('json', pair.name, rootNames[i]))
    const expected = theirRoots[i].toJSON()
    if (!same(ours, expected)) {
      throw new Error(`our JSON of ${rootNames[i]}\n  ours ${JSON.stringify(canonical(ours))}\n  yjs  ${JSON.stringify(canonical(expected))}`)
    }
  }
  const delta = JSON.parse(await ask('delta', pair.name, 'text')) ?? []
  const expectedDelta = theirRoots[0].toDelta().map((op) =>
    op.insert instanceof Y.AbstractType ? { ...op, insert: op.insert.toJSON() } : op)
  if (!same(delta, expectedDelta)) {
    throw new Error(`delta\n  ours ${JSON.stringify(canonical(delta))}\n  yjs  ${JSON.stringify(canonical(expectedDelta))}`)
  }
}

const session = async (seed) => {
  const r = random(seed)
  const clients = 2 + r.below(3)
  const updates = []
  const docs = []
  const undo = []
  for (let i = 0; i < clients; i++) {
    const doc = new Y.Doc({ gc: !r.chance(20) })
    doc.clientID = [3, 70, 1000, 4294967295][i] + r.below(3)
    doc.on('update', (update, origin) => { if (origin !== 'remote') updates.push(update) })
    docs.push(doc)
    undo.push(new Y.UndoManager(roots(doc), { captureTimeout: 0 }))
  }
  const untyped = await Pair.create('untyped', true, 555, false)
  const typed = await Pair.create('typed', true, 556, true)
  const keeping = await Pair.create('keeping', false, 557, r.chance(50))
  const editing = await Pair.create('editing', r.chance(70), 558, true)
  const pairs = [untyped, typed, keeping, editing]
  splitPairs = r.chance(25)
  objectMarks = r.chance(40)

  for (let step = 0; step < Number(options.steps); step++) {
    const i = r.below(clients)
    const doc = docs[i]
    const what = r.below(100)
    if (what < 65) {
      doc.transact(() => {
        for (let n = 1 + r.below(3); n > 0; n--) edit(r, r.pick(roots(doc)))
      })
    } else if (what < 72) {
      if (r.chance(60)) undo[i].undo()
      else undo[i].redo()
    } else {
      const other = docs[r.below(clients)]
      Y.applyUpdate(doc, Y.encodeStateAsUpdate(other, Y.encodeStateVector(doc)), 'remote')
    }
    if (r.chance(40)) {
      const split = splitPairs
      splitPairs = false  // Our own API never splits a pair.
      const update = await editing.editBoth(r)
      splitPairs = split
      if (update.length > 0) updates.push(update)
    }
    // Our side hears of things late, twice, or out of order.
    for (const pair of pairs) {
      if (updates.length > 0 && r.chance(50)) {
        let update = updates[r.below(updates.length)]
        if (r.chance(20)) update = Y.mergeUpdates([update, r.pick(updates), r.pick(updates)])
        if (r.chance(10)) update = Y.encodeStateAsUpdate(r.pick(docs), r.chance(50) ? Y.encodeStateVector(r.pick(docs)) : undefined)
        await pair.apply(update)
        if (r.chance(20)) await pair.check()
        if (r.chance(10)) await pair.checkDiff(Y.encodeStateVector(r.pick(docs)))
      }
    }
  }
  if (r.chance(50)) {
    const some = Array.from({ length: 1 + r.below(6) }, () => r.pick(updates))
    const merged = Y.mergeUpdates(some)
    const expect = (what, ours, theirs) => {
      if (ours !== theirs) throw new Error(`${what}\n  ours ${ours}\n  yjs  ${theirs}\n  of ${some.map(hex).join(' ')}`)
    }
    expect('merge', await ask('merge', ...some.map(hex)), hex(merged))
    const vector = Y.encodeStateVector(r.pick(docs))
    expect('diff', await ask('diff', hex(merged), hex(vector)), hex(Y.diffUpdate(merged, vector)))
    const full = Y.encodeStateAsUpdate(r.pick(docs))
    const of = Y.decodeStateVector(Y.encodeStateVectorFromUpdate(full))
    const ours = Y.decodeStateVector(unhex(await ask('svof', hex(full))))
    expect('state vector of update', JSON.stringify([...ours].sort()), JSON.stringify([...of].sort()))
  }
  // At last everything arrives, shuffled.
  for (const pair of pairs) {
    const order = updates.map((update) => [r.below(1 << 30), update]).sort((a, b) => a[0] - b[0])
    for (const [, update] of order) await pair.apply(update)
    await pair.check()
    await checkValues(pair)
  }
}

const first = Number(options.seed)
const until = Number(options.seconds) > 0 ? Date.now() + Number(options.seconds) * 1000 : Infinity
let done = 0
for (let seed = first; seed < first + Number(options.sessions) && Date.now() < until; seed++) {
  try {
    await session(seed)
    done++
  } catch (error) {
    console.error(`seed ${seed}: ${error.stack}`)
    console.error(`replay with: node crdt_fuzz.mjs --tool ${options.tool} --seed ${seed} --sessions 1 --steps ${options.steps}`)
    process.exit(1)
  }
}
console.log(`${done} sessions, 0 differences (seeds ${first} to ${first + done - 1})`)
process.exit(0)
