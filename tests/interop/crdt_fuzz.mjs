// Differential fuzzing: random multi-client sessions made by stock Yjs, replayed into our documents
// and into Yjs mirrors in the same order, and edits made by us and by Yjs in lockstep. After each step
// both must report the same effective update, and at the end the same state vector, the same bytes,
// the same values.
//
//     node crdt_fuzz.mjs --tool PATH [--sessions N] [--seed FIRST] [--seconds S] [--steps N] [--step]
//
// Replays one session with --seed N --sessions 1. A session runs in Yjs first and is then put to our
// side in one go; with --step every command is answered before the next, to see where it dies.
// `./dev diff` runs many in parallel.

import { spawn } from 'node:child_process'
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
    steps: { type: 'string', default: '30' },
    step: { type: 'boolean', default: false }
  }
})
// Yjs tells us on the console that we edit under one id twice, which is the point of a mirror.
console.warn = () => {}

// --- Our side ----------------------------------------------------------------------------------

/** The tool, spoken to in whole sessions: waiting for each answer would cost more than all else. */
class Tool {
  constructor (path) {
    this.process = spawn(path, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.process.stdin.on('error', () => {})
    this.process.on('exit', (code, signal) => { this.dead = `the tool died (${signal ?? code})`; this.wake?.() })
    this.chunks = []
    this.lines = 0
    this.process.stdout.on('data', (chunk) => {
      this.chunks.push(chunk)
      for (const byte of chunk) if (byte === 10) this.lines++
      if (this.lines >= this.wanted) this.wake?.()
    })
    this.script = []
    this.checks = []
  }

  /** Puts a command on the script; `check(answer)` is called when the session is run. */
  say (words, check) {
    this.script.push(words.join(' '))
    this.checks.push(check)
  }

  async run () {
    const { script, checks } = this
    this.script = []
    this.checks = []
    if (!options.step) return this.exchange(script, checks)
    for (let i = 0; i < script.length; i++) await this.exchange([script[i]], [checks[i]])
  }

  async exchange (script, checks) {
    this.wanted = script.length
    const answered = new Promise((resolve) => { this.wake = resolve })
    this.process.stdin.write(script.join('\n') + '\n')
    await answered
    const answers = Buffer.concat(this.chunks).toString('latin1').split('\n')
    this.chunks = []
    this.lines = 0
    for (let i = 0; i < script.length; i++) {
      if (i >= answers.length - 1) throw new Error(`${this.dead} at: ${script[i].slice(0, 300)}`)
      if (!answers[i].startsWith('ok')) throw new Error(`${answers[i]} at: ${script[i].slice(0, 300)}`)
      checks[i]?.(Buffer.from(answers[i].slice(3), 'latin1').toString())
    }
  }
}
const tool = new Tool(options.tool)
/** A command whose answer is of no interest. */
const tell = (...words) => tool.say(words)
/** A command whose answer must be `theirs`. */
const expect = (what, theirs, ...words) => tool.say(words, (ours) => {
  if (ours !== theirs) throw new Error(`${what} (${words.join(' ').slice(0, 200)})\n  ours ${ours}\n  yjs  ${theirs}`)
})
const hex = (bytes) => (bytes.length === 0 ? '-' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex'))
const unhex = (text) => (text === '-' ? new Uint8Array() : Uint8Array.from(Buffer.from(text, 'hex')))
const anyHex = (value) => hex(encoding.encode((encoder) => encoding.writeAny(encoder, value)))

// --- Random choices ------------------------------------------------------------------------------

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

/** For JSON.stringify in messages. */
const shown = (key, value) => typeof value === 'bigint' ? `${value}n` : value

const declareRoots = (doc) => { doc.getText('text'); doc.getText('plain'); doc.getArray('array'); doc.getMap('map'); doc.getXmlFragment('xml') }

/** Our document and a Yjs document that see exactly the same updates in the same order. */
class Pair {
  constructor (r, name, gc, client, typed) {
    this.r = r
    this.name = name
    this.gc = gc
    this.mirror = new Y.Doc({ gc })
    this.mirror.clientID = client
    this.events = []
    this.mirror.on('update', (update) => this.events.push(update))
    tell('new', name, client, gc ? 1 : 0)
    if (typed) {
      // What a root is known to be decides whether its formatting is cleaned up.
      declareRoots(this.mirror)
      this.declare()
    }
  }

  declare () {
    tell('declare', this.name, 'text', 'text'); tell('declare', this.name, 'text', 'plain')
    tell('declare', this.name, 'array', 'array'); tell('declare', this.name, 'map', 'map')
    tell('declare', this.name, 'xml', 'xml')
  }

  apply (update) {
    this.events = []
    const client = this.mirror.clientID
    // Now and then in the other format.
    const v2 = this.r.chance(30) ? Y.convertUpdateFormatV1ToV2(update) : null
    const events2 = []
    const listen = (event) => events2.push(event)
    if (v2) this.mirror.on('updateV2', listen)
    this.mirror.transact(() => {
      if (v2) Y.applyUpdateV2(this.mirror, v2)
      else Y.applyUpdate(this.mirror, update)
      this.retryPending()
    })
    if (v2) this.mirror.off('updateV2', listen)
    this.mirror.clientID = client
    const events = v2 ? events2 : this.events
    const effective = events.length > 1 ? (v2 ? Y.mergeUpdatesV2 : Y.mergeUpdates)(events) : events[0] ?? new Uint8Array()
    const store = this.mirror.store
    const pending = store.pendingStructs || store.pendingDs ? 1 : 0
    expect(`effect on ${this.name}`, `${this.events.length > 0 ? 1 : 0} ${pending} ${hex(effective)}`,
      v2 ? 'apply2' : 'apply', this.name, hex(v2 ?? update))
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

  /** The same edits by us and by Yjs, each by itself, while nobody observes us: then typing and
   *  deleting go short ways. Returns Yjs's updates; ours show in the state. */
  editQuietly (r) {
    this.events = []
    const edits = []
    for (let n = 1 + r.below(4); n > 0; n--) {
      if (r.chance(70)) burst(r, this.mirror, edits)
      else lockstep(r, this.mirror, edits)
    }
    tell('quiet', this.name, anyHex(edits))
    expect(`state of ${this.name} after ${JSON.stringify(edits, shown)}`,
      hex(Y.encodeStateAsUpdate(this.mirror)), 'state', this.name)
    return this.events
  }

  /** The same edits by us and by Yjs, in one transaction: the update must be the same bytes. */
  editBoth (r) {
    this.events = []
    const edits = []
    this.mirror.transact(() => {
      for (let n = 1 + r.below(3); n > 0; n--) lockstep(r, this.mirror, edits)
    })
    const theirs = this.events[0] ?? new Uint8Array()
    expect(`update of ${this.name} after ${JSON.stringify(edits, shown)}`,
      hex(theirs), 'do', this.name, anyHex(edits))
    return theirs
  }

  check () {
    expect(`state vector of ${this.name}`, hex(Y.encodeStateVector(this.mirror)), 'sv', this.name)
    expect(`state of ${this.name}`, hex(Y.encodeStateAsUpdate(this.mirror)), 'state', this.name)
    expect(`state v2 of ${this.name}`, hex(Y.encodeStateAsUpdateV2(this.mirror)), 'state2', this.name)
  }

  checkDiff (vector) {
    // Trying pending structs again drops those known by then. That shows here, and does no harm.
    if (this.mirror.store.pendingStructs) return
    expect(`diff of ${this.name}`, hex(Y.encodeStateAsUpdate(this.mirror, vector)), 'state', this.name, hex(vector))
    expect(`diff v2 of ${this.name}`, hex(Y.encodeStateAsUpdateV2(this.mirror, vector)), 'state2', this.name, hex(vector))
  }
}

// --- Edits in lockstep ---------------------------------------------------------------------------

const kindOf = (type) => {
  if (type instanceof Y.XmlHook) return 'map'
  if (type instanceof Y.Text) return 'text'
  if (type instanceof Y.XmlElement) return 'element'
  if (type instanceof Y.XmlFragment) return 'xml'
  if (type instanceof Y.Array) return 'array'
  return 'map'
}

/** A type somewhere in the document, and the way to it: [kind, root, step...]. */
const target = (r, doc) => {
  const root = r.pick(['text', 'text', 'plain', 'array', 'array', 'map', 'map', 'xml'])
  let type = roots(doc)[rootNames.indexOf(root)]
  const path = [kindOf(type), root]
  while (r.chance(60)) {
    const children = []
    if (type instanceof Y.Array || type instanceof Y.XmlFragment) {
      type.toArray().forEach((child, i) => { if (child instanceof Y.AbstractType) children.push([i, child]) })
    } else if (type instanceof Y.Map) {
      type.forEach((child, key) => { if (child instanceof Y.AbstractType) children.push([key, child]) })
    }
    if (children.length === 0) break
    const [step, child] = r.pick(children)
    path.push(step)
    type = child
  }
  return { type, path }
}

/** Something to be made, described for the tool. */
const description = (r, depth = 0) => {
  const inner = () => r.chance(depth > 1 ? 0 : 30) ? description(r, depth + 1) : { value: any(r) }
  switch (r.below(6)) {
    case 0: return { kind: 'text', delta: [{ insert: r.pick(words) }, { insert: r.pick(words), attributes: { bold: true } }] }
    case 1: return { kind: 'map', entries: ['k', 'l'].slice(r.below(3)).map((key) => [key, inner()]) }
    case 2: return { kind: 'array', list: [inner(), inner()].slice(r.below(3)) }
    case 3: return { kind: 'text', delta: [] }
    default: return node(r, depth)
  }
}
const node = (r, depth = 0) => {
  switch (r.below(depth > 1 ? 1 : 4)) {
    case 0: return { kind: 'xmltext', delta: r.chance(50) ? [{ insert: r.pick(words), attributes: { em: true } }] : [] }
    case 1: return { kind: 'hook', name: 'hook' + r.below(2), entries: [['k', { value: any(r) }]] }
    default: return {
      kind: 'element',
      name: r.pick(['div', 'P', 'img']),
      entries: ['class', 'id'].slice(r.below(3)).map((key) => [key, { value: r.pick(words) }]),
      list: Array.from({ length: r.below(3) }, () => node(r, depth + 1))
    }
  }
}
/** The same, made of Yjs. */
const made = ({ kind, name, list, entries, delta, guid, meta, value }) => {
  if (guid) return new Y.Doc({ guid, meta })
  let type
  switch (kind) {
    case undefined: return value
    case 'text': type = new Y.Text(); break
    case 'map': type = new Y.Map(); break
    case 'array': type = new Y.Array(); break
    case 'xmltext': type = new Y.XmlText(); break
    case 'hook': type = new Y.XmlHook(name); break
    default: type = new Y.XmlElement(name)
  }
  if (delta?.length) type.applyDelta(structuredClone(delta))
  for (const [key, each] of entries ?? []) kind === 'element' ? type.setAttribute(key, made(each)) : type.set(key, made(each))
  if (list?.length) type.insert(0, list.map(made))
  return type
}

/** Somebody types and deletes at a caret. */
const burst = (r, doc, edits) => {
  const root = objectMarks ? 'plain' : r.pick(['plain', 'plain', 'text'])
  const text = doc.getText(root)
  let caret = textIndex(r, text)
  const does = (op, ...args) => edits.push([['text', root], op, ...args])
  const plain = flat(text).split('')
  const isHigh = (unit) => /[\ud800-\udbff]/.test(unit ?? '')
  const isLow = (unit) => /[\udc00-\udfff]/.test(unit ?? '')
  const ascii = r.chance(60)
  let habit = r.below(3)
  for (let n = 1 + r.below(25); n > 0; n--) {
    if (r.chance(20)) habit = r.below(3)
    if (habit === 0) {
      const word = ascii ? r.pick(['a', 'b', 'xyz', ' ']) : r.pick(words)
      does('insert', caret, word)
      text.insert(caret, word)
      plain.splice(caret, 0, ...word.split(''))
      caret += word.length
    } else {
      const count = 1 + r.below(r.chance(80) ? 1 : 4)
      let [from, to] = habit === 1 ? [Math.max(0, caret - count), caret] : [caret, Math.min(plain.length, caret + count)]
      if (isLow(plain[from]) && isHigh(plain[from - 1])) from--
      if (isLow(plain[to]) && isHigh(plain[to - 1])) to++
      if (from === to) continue
      does('delete', from, to - from)
      text.delete(from, to - from)
      plain.splice(from, to - from)
      caret = from
    }
    if (r.chance(5)) caret = Math.min(caret, plain.length)
  }
}

/** One edit of `doc`, done here and noted in `edits` as the tool understands it. */
const lockstep = (r, doc, edits) => {
  const { type, path } = target(r, doc)
  const kind = kindOf(type)
  const does = (op, ...args) => edits.push([path, op, ...args])
  // Yjs takes undefined and bigints in a map, and in an array only inside another value.
  const value = () => r.chance(85) ? any(r) : r.pick([[undefined], { big: 123n }, Uint8Array.from([1, 2, 255]),
    ...(kind === 'map' ? [undefined, -5n] : [])])
  if (kind === 'text') {
    const index = textIndex(r, type)
    const end = Math.max(index, textIndex(r, type))
    const word = r.pick(words)
    const formats = path[1] !== 'plain'
    if (formats && objectMarks) return
    switch (r.below(formats ? 12 : 4)) {
      case 0: case 1: case 2: does('insert', index, word); type.insert(index, word); break
      case 3: does('delete', index, end - index); type.delete(index, end - index); break
      case 4: case 5: {
        const marks = attributes(r)
        does('format', index, end - index, { ...marks }); type.format(index, end - index, marks); break
      }
      case 6: {
        const marks = attributes(r)
        does('insert', index, word, { ...marks }); type.insert(index, word, marks); break
      }
      case 7: does('embed', index, { image: word }); type.insertEmbed(index, { image: word }); break
      case 8: { const what = description(r); does('new', index, what); type.insertEmbed(index, made(what)); break }
      case 9: { const name = r.pick(['lang', 'dir']); const one = any(r); does('attr', name, one); type.setAttribute(name, one); break }
      case 10: { const name = r.pick(['lang', 'dir']); does('unattr', name); type.removeAttribute(name); break }
      default: {
        const delta = []
        if (index > 0) delta.push(r.chance(50) ? { retain: index } : { retain: index, attributes: attributes(r) })
        if (r.chance(70)) delta.push(r.chance(50) ? { insert: word } : { insert: word, attributes: attributes(r) })
        if (end > index) delta.push({ delete: end - index })
        if (r.chance(30)) delta.push({ insert: { embed: 1 } })
        does('delta', structuredClone(delta)); type.applyDelta(delta)
      }
    }
    return
  }
  const types = { text: () => new Y.Text(), map: () => new Y.Map(), array: () => new Y.Array() }
  const subdocument = () => ({ guid: 'guid' + r.below(5), meta: r.chance(50) ? { m: 1 } : null })
  if (kind === 'array') {
    const index = r.below(type.length + 1)
    switch (r.below(8)) {
      case 0: case 1: { const list = [value(), value()]; does('insert', index, list); type.insert(index, list); break }
      case 2: { const one = value(); does('push', one); type.push([one]); break }
      case 3: { const empty = r.pick(Object.keys(types)); does('type', index, empty); type.insert(index, [types[empty]()]); break }
      case 4: case 5: { const what = r.chance(85) ? description(r) : subdocument(); does('new', index, what); type.insert(index, [made(what)]); break }
      default: { const count = Math.min(type.length - index, r.below(4)); does('delete', index, count); type.delete(index, count) }
    }
    return
  }
  if (kind === 'xml' || kind === 'element') {
    const index = r.below(type.length + 1)
    const name = r.pick(['class', 'id', 'style'])
    switch (r.below(kind === 'xml' ? 4 : 7)) {
      case 0: case 1: case 2: { const what = node(r); does('new', index, what); type.insert(index, [made(what)]); break }
      case 3: { const count = Math.min(type.length - index, r.below(3)); does('delete', index, count); type.delete(index, count); break }
      case 4: case 5: { const one = r.pick(words); does('attr', name, one); type.setAttribute(name, one); break }
      default: does('unattr', name); type.removeAttribute(name)
    }
    return
  }
  const key = r.pick(['a', 'b', 'c', 'ключ'])
  switch (r.below(9)) {
    case 0: case 1: case 2: { const one = value(); does('set', key, one); type.set(key, one); break }
    case 3: { const empty = r.pick(Object.keys(types)); does('type', key, empty); type.set(key, types[empty]()); break }
    case 4: case 5: { const what = r.chance(80) ? description(r) : subdocument(); does('new', key, what); type.set(key, made(what)); break }
    case 6: if (r.chance(80)) break; does('clear'); type.clear(); break
    default: does('delete', key); type.delete(key)
  }
}

// --- Values --------------------------------------------------------------------------------------

/** JSON with the types that JSON has not, as our to_json() writes them. */
const canonical = (value) => {
  if (value instanceof Uint8Array) return { $bytes: [...value] }
  if (typeof value === 'bigint') return { $bigint: value.toString() }
  if (value instanceof Y.Doc) return {} // As JSON.stringify has a subdocument that is not loaded.
  if (value instanceof Y.AbstractType) return canonical(value.toJSON())
  if (Array.isArray(value)) return value.map((v) => (v === undefined ? null : canonical(v)))
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.keys(value).sort().filter((k) => value[k] !== undefined).map((k) => [k, canonical(value[k])]))
  }
  return value
}
const same = (a, b) => JSON.stringify(canonical(a)) === JSON.stringify(canonical(b))

const differ = (what, ours, theirs) => {
  const [a, b] = [ours, theirs].map((value) => JSON.stringify(canonical(value)))
  if (a !== b) throw new Error(`${what}\n  ours ${a}\n  yjs  ${b}`)
}
const plainDelta = (text) => text.toDelta().map((op) => op.insert instanceof Y.AbstractType ? { ...op, insert: op.insert.toJSON() } : op)

const checkValues = (pair) => {
  const theirs = new Y.Doc()
  const state = Y.encodeStateAsUpdate(pair.mirror)
  Y.applyUpdate(theirs, state)
  const theirRoots = roots(theirs)
  const expected = theirRoots.map((root) => canonical(root.toJSON()))
  const expectedDelta = plainDelta(theirRoots[0])
  const xml = theirRoots[4].toString()
  // Our state, read by a fresh Yjs, must be the mirror's document.
  tool.say(['state', pair.name], (ours) => {
    if (ours === hex(state)) return
    const fresh = new Y.Doc()
    Y.applyUpdate(fresh, unhex(ours))
    roots(fresh).forEach((root, i) => differ(`JSON of ${rootNames[i]} in Yjs`, root.toJSON(), expected[i]))
    throw new Error(`state of ${pair.name}`)
  })
  // Yjs's state, read by a fresh document of ours, must be what a fresh Yjs makes of it.
  tell('new', 'fresh', 559, pair.gc ? 1 : 0)
  const again = new Y.Doc({ gc: pair.gc })
  Y.applyUpdate(again, state)
  tool.say(['apply', 'fresh', hex(state)])
  expect(`state of ${pair.name}, read afresh`, hex(Y.encodeStateAsUpdate(again)), 'state', 'fresh')
  // Our own reading must agree with Yjs's, of both.
  pair.declare()
  new Set([pair.name, 'fresh']).forEach((name) => {
    rootNames.forEach((root, i) => {
      tell('declare', name, root === 'plain' ? 'text' : root, root)
      if (root === 'xml') {
        tool.say(['xml', name, root], (ours) => differ(`our XML in ${name}`, JSON.parse(ours), xml))
        return
      }
      tool.say(['json', name, root], (ours) => differ(`our JSON of ${root} in ${name}`, JSON.parse(ours), expected[i]))
    })
    tool.say(['delta', name, 'text'], (ours) => differ(`delta in ${name}`, JSON.parse(ours) ?? [], expectedDelta))
  })
  tell('drop', 'fresh')
}

// --- A session -----------------------------------------------------------------------------------

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
  const editing = new Pair(r, 'editing', r.chance(70), 558, true)
  const pairs = [editing]
  if (r.chance(50)) pairs.push(new Pair(r, 'untyped', true, 555, false))
  if (r.chance(50)) pairs.push(new Pair(r, 'typed', true, 556, true))
  if (pairs.length === 1 || r.chance(30)) pairs.push(new Pair(r, 'keeping', false, 557, r.chance(50)))
  splitPairs = r.chance(25)
  objectMarks = r.chance(40)
  // How often clients hear each other: some sessions are spells offline.
  const sync = r.pick([8, 28, 28, 50])

  for (let step = 0; step < Number(options.steps); step++) {
    const i = r.below(clients)
    const doc = docs[i]
    const what = r.below(100)
    if (what < sync) {
      const other = docs[r.below(clients)]
      Y.applyUpdate(doc, Y.encodeStateAsUpdate(other, Y.encodeStateVector(doc)), 'remote')
    } else if (what < sync + 7) {
      if (r.chance(60)) undo[i].undo()
      else undo[i].redo()
    } else {
      doc.transact(() => {
        for (let n = 1 + r.below(3); n > 0; n--) edit(r, r.pick(roots(doc)))
      })
    }
    if (r.chance(40)) {
      const split = splitPairs
      splitPairs = false  // Our own API never splits a pair.
      let made
      if (r.chance(60)) {
        made = [editing.editBoth(r)]
      } else {
        made = editing.editQuietly(r)
        if (made.length > 1 && r.chance(50)) made = [Y.mergeUpdates(made)]
      }
      splitPairs = split
      for (const update of made) {
        if (update.length === 0) continue
        updates.push(update)
        if (r.chance(50)) Y.applyUpdate(doc, update, 'remote')
      }
    }
    // Our side hears of things late, twice, or out of order.
    for (const pair of pairs) {
      if (updates.length > 0 && r.chance(50)) {
        let update = updates[r.below(updates.length)]
        if (r.chance(20)) update = Y.mergeUpdates([update, r.pick(updates), r.pick(updates)])
        if (r.chance(10)) update = Y.encodeStateAsUpdate(r.pick(docs), r.chance(50) ? Y.encodeStateVector(r.pick(docs)) : undefined)
        pair.apply(update)
        if (r.chance(20)) pair.check()
        if (r.chance(10)) pair.checkDiff(Y.encodeStateVector(r.pick(docs)))
      }
    }
  }
  if (r.chance(50) && updates.length > 0) {
    const some = Array.from({ length: 1 + r.below(6) }, () => r.pick(updates))
    const merged = Y.mergeUpdates(some)
    expect('merge', hex(merged), 'merge', ...some.map(hex))
    const vector = Y.encodeStateVector(r.pick(docs))
    expect('diff', hex(Y.diffUpdate(merged, vector)), 'diff', hex(merged), hex(vector))
    const full = Y.encodeStateAsUpdate(r.pick(docs))
    const of = Y.decodeStateVector(Y.encodeStateVectorFromUpdate(full))
    tool.say(['svof', hex(full)], (ours) => {
      differ('state vector of update', [...Y.decodeStateVector(unhex(ours))].sort(), [...of].sort())
    })
  }
  // At last everything arrives, shuffled.
  for (const pair of pairs) {
    const order = updates.map((update) => [r.below(1 << 30), update]).sort((a, b) => a[0] - b[0])
    for (const [, update] of order) pair.apply(update)
    pair.check()
    checkValues(pair)
  }
  await tool.run()
  for (const doc of docs) doc.destroy()
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
    console.error(`replay with: tests/interop/run.sh crdt_fuzz.mjs --tool ${options.tool} --seed ${seed} --sessions 1 --steps ${options.steps}`)
    process.exit(1)
  }
}
console.log(`${done} sessions, 0 differences (seeds ${first} to ${first + done - 1})`)
process.exit(0)
