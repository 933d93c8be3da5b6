// Differential fuzzing of what looks back: undo and redo, relative positions, snapshots and the
// documents restored from them. Replicas of Yjs and of ours, with the same client ids, make the same edits, hear the
// same updates in the same order, and must say the same, byte for byte, all along.
//
//     node undo_fuzz.mjs --tool PATH [--sessions N] [--seed FIRST] [--seconds S] [--steps N] [--step]
//
// Replays one session with --seed N --sessions 1; --step as in crdt_fuzz.mjs.

import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { random } from './random.mjs'

// Undo managers see a clock of ours; it stands before Yjs looks for it.
const realNow = Date.now
let now = 1_000_000
Date.now = () => now
const Y = await import('yjs')
const encoding = await import('lib0/encoding')

const { values: options } = parseArgs({
  options: {
    tool: { type: 'string' },
    sessions: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '0' },
    steps: { type: 'string', default: '40' },
    step: { type: 'boolean', default: false }
  }
})
console.warn = () => {}

// --- Our side ----------------------------------------------------------------------------------

const tool = spawn(options.tool, { stdio: ['pipe', 'pipe', 'inherit'] })
tool.stdin.on('error', () => {})
let wake = () => {}
let dead = ''
let received = ''
tool.on('exit', (code, signal) => { dead = `the tool died (${signal ?? code})`; wake() })
tool.stdout.setEncoding('utf8')
tool.stdout.on('data', (text) => { received += text; wake() })

let script = []
const say = (check, ...words) => script.push({ line: words.join(' '), check })
const tell = (...words) => say(null, ...words)
const expect = (what, theirs, ...words) => say((ours) => {
  if (ours !== `${theirs}`) throw new Error(`${what} (${words.join(' ').slice(0, 300)})\n  ours ${ours}\n  yjs  ${theirs}`)
}, ...words)

const exchange = async (commands) => {
  received = ''
  tool.stdin.write(commands.map(({ line }) => line + '\n').join(''))
  let answers = []
  while ((answers = received.split('\n')).length <= commands.length && dead === '') {
    await new Promise((resolve) => { wake = resolve })
  }
  commands.forEach(({ line, check }, i) => {
    if (i >= answers.length - 1) throw new Error(`${dead} at: ${line.slice(0, 300)}`)
    if (!answers[i].startsWith('ok')) throw new Error(`${answers[i]} at: ${line.slice(0, 300)}`)
    check?.(answers[i].slice(3))
  })
}
const run = async () => {
  const commands = script
  script = []
  if (!options.step) return exchange(commands)
  for (const command of commands) await exchange([command])
}

const hex = (bytes) => (bytes.length === 0 ? '-' : Buffer.from(bytes).toString('hex'))
const anyHex = (value) => hex(encoding.encode((encoder) => encoding.writeAny(encoder, value)))

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
const differ = (what, ours, theirs) => {
  const [a, b] = [ours, theirs].map((value) => JSON.stringify(canonical(value)))
  if (a !== b) throw new Error(`${what}\n  ours ${a}\n  yjs  ${b}`)
}

// --- Random choices ------------------------------------------------------------------------------

const words = ['a', 'b', 'hello', 'wörld ', '日本', '😀', 'x😀y', '\n', '"quoted"', 'é', '0']
const scalars = [0, 1, -1, 2 ** 31, 0.5, true, false, null, 'text', '', '日😀', [1, [2]], { a: 1, b: { c: [null] } }, {}]
const marks = [{ bold: true }, { bold: null }, { italic: true }, { bold: true, color: 'red' }, { color: 'blue' }, { color: null }]

/** The text with one character for each embed, so that offsets fit. */
const flat = (text) => text.toDelta().map((op) => (typeof op.insert === 'string' ? op.insert : '*')).join('')
const insidePair = (text, index) => {
  if (!(text instanceof Y.Text)) return false
  const plain = flat(text)
  return index > 0 && /[\ud800-\udbff]/.test(plain[index - 1]) && /[\udc00-\udfff]/.test(plain[index] ?? '')
}
const textIndex = (r, text) => {
  const index = r.below(text.length + 1)
  return insidePair(text, index) ? index + 1 : index
}

// --- Edits by Yjs alone, of every type -------------------------------------------------------------

const newType = (r, depth) => {
  switch (r.below(depth > 2 ? 1 : 5)) {
    case 0: return new Y.Text(r.pick(words))
    case 1: {
      const map = new Y.Map()
      map.set('k', r.pick(scalars))
      if (r.chance(40)) map.set('nested', newType(r, depth + 1))
      return map
    }
    case 2: {
      const array = new Y.Array()
      array.insert(0, [r.pick(scalars), r.pick(scalars)])
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
    case 1: return new Y.XmlHook('hook')
    default: {
      const element = new Y.XmlElement(r.pick(['div', 'P']))
      element.setAttribute('class', r.pick(words))
      if (r.chance(50)) element.insert(0, [newXml(r, depth + 1)])
      return element
    }
  }
}

const childrenOf = (type) => {
  const children = []
  if (type instanceof Y.Array || type instanceof Y.XmlFragment) {
    type.toArray().forEach((child, i) => { if (child instanceof Y.AbstractType) children.push([i, child]) })
  } else if (type instanceof Y.Map) {
    type.forEach((child, key) => { if (child instanceof Y.AbstractType) children.push([key, child]) })
  }
  return children
}
const anyType = (r, doc) => {
  let type = r.pick(roots(doc).filter((root) => !(root instanceof Y.XmlFragment) || root._start !== null || doc.clientID === 50))
  while (r.chance(50)) {
    const children = childrenOf(type)
    if (children.length === 0) break
    type = r.pick(children)[1]
  }
  return type
}

const editAny = (r, type) => {
  if (type instanceof Y.XmlHook) return type.set('k', r.pick(scalars))
  if (type instanceof Y.Text) {
    const index = textIndex(r, type)
    const end = Math.max(index, textIndex(r, type))
    switch (r.below(8)) {
      case 0: case 1: case 2: return type.insert(index, r.pick(words))
      case 3: case 4: return type.delete(index, end - index)
      case 5: return type.format(index, end - index, r.pick(marks))
      case 6: return type.insertEmbed(index, r.chance(50) ? { image: 'x' } : newType(r, 1))
      default: return type.setAttribute(r.pick(['lang', 'dir']), r.pick(scalars))
    }
  }
  if (type instanceof Y.XmlFragment) {
    if (type instanceof Y.XmlElement && r.chance(40)) return type.setAttribute(r.pick(['id', 'class']), r.pick(words))
    if (type.length > 0 && r.chance(30)) return type.delete(r.below(type.length), 1)
    return type.insert(r.below(type.length + 1), [newXml(r, 0)])
  }
  if (type instanceof Y.Array) {
    const index = r.below(type.length + 1)
    switch (r.below(5)) {
      case 0: case 1: return type.insert(index, [r.pick(scalars), r.pick(scalars)])
      case 2: return type.insert(index, [newType(r, 0)])
      case 3: return type.push([r.pick(scalars)])
      default: return type.delete(index, Math.min(type.length - index, r.below(4)))
    }
  }
  const key = r.pick(['a', 'b', 'c'])
  switch (r.below(6)) {
    case 0: case 1: case 2: return type.set(key, r.pick(scalars))
    case 3: return type.set(key, newType(r, 0))
    default: return type.delete(key)
  }
}

// --- Edits in lockstep: done here and noted as the tool understands them ---------------------------

const roots = (doc) => [doc.getText('text'), doc.getText('plain'), doc.getArray('array'), doc.getMap('map'),
  doc.getXmlFragment('xml')]
const rootNames = ['text', 'plain', 'array', 'map', 'xml']
const kindOf = (type) => {
  if (type instanceof Y.XmlHook || type instanceof Y.XmlText || type instanceof Y.XmlFragment) return null
  return type instanceof Y.Text ? 'text' : type instanceof Y.Array ? 'array' : 'map'
}
const target = (r, doc) => {
  const which = r.below(4)
  let type = roots(doc)[which]
  const path = [kindOf(type), rootNames[which]]
  while (r.chance(60)) {
    const children = childrenOf(type).filter(([, child]) => kindOf(child))
    if (children.length === 0) break
    const [step, child] = r.pick(children)
    path.push(step)
    type = child
  }
  return { type, path }
}
const lockstep = (r, doc, edits) => {
  const { type, path } = target(r, doc)
  const kind = kindOf(type)
  const does = (op, ...args) => edits.push([path, op, ...args])
  if (kind === 'text') {
    const index = textIndex(r, type)
    const end = Math.max(index, textIndex(r, type))
    const word = r.pick(words)
    switch (r.below(path[1] === 'plain' ? 4 : 8)) {
      case 0: case 1: does('insert', index, word); return type.insert(index, word)
      case 2: case 3: does('delete', index, end - index); return type.delete(index, end - index)
      case 4: case 5: {
        const attributes = r.pick(marks)
        does('format', index, end - index, { ...attributes })
        return type.format(index, end - index, attributes)
      }
      case 6: {
        const attributes = r.pick(marks)
        does('insert', index, word, { ...attributes })
        return type.insert(index, word, attributes)
      }
      default: does('embed', index, { image: word }); return type.insertEmbed(index, { image: word })
    }
  }
  const types = { text: () => new Y.Text(), map: () => new Y.Map(), array: () => new Y.Array() }
  if (kind === 'array') {
    const index = r.below(type.length + 1)
    switch (r.below(6)) {
      case 0: case 1: { const list = [r.pick(scalars), r.pick(scalars)]; does('insert', index, list); return type.insert(index, list) }
      case 2: { const one = r.pick(scalars); does('push', one); return type.push([one]) }
      case 3: { const made = r.pick(Object.keys(types)); does('type', index, made); return type.insert(index, [types[made]()]) }
      default: { const count = Math.min(type.length - index, r.below(4)); does('delete', index, count); return type.delete(index, count) }
    }
  }
  const key = r.pick(['a', 'b', 'c'])
  switch (r.below(6)) {
    case 0: case 1: case 2: { const one = r.pick(scalars); does('set', key, one); return type.set(key, one) }
    case 3: { const made = r.pick(Object.keys(types)); does('type', key, made); return type.set(key, types[made]()) }
    default: does('delete', key); return type.delete(key)
  }
}

// --- Replicas --------------------------------------------------------------------------------------

/** The type, as the tool names it. */
const nameOf = (doc, type) => {
  if (type._item !== null) return `i:${type._item.id.client}:${type._item.id.clock}`
  return 'r:' + hex(Buffer.from(rootNames[roots(doc).indexOf(type)]))
}
/** The same type in another replica, or null. */
const sameIn = (doc, type, home) => {
  if (type._item === null) return roots(doc)[roots(home).indexOf(type)]
  const position = new Y.RelativePosition(type._item.id, null, null, 0)
  const found = Y.createAbsolutePositionFromRelativePosition(position, doc, false)
  return found === null ? null : found.type
}

class Replica {
  constructor (name, client, gc, watched) {
    this.name = name
    this.watched = watched
    this.doc = new Y.Doc({ gc })
    this.doc.clientID = client
    this.waiting = []
    this.positions = []
    this.snapshots = [{ theirs: Y.emptySnapshot, v1: '0000' }]
    this.updates = []
    this.doc.on('update', (update) => this.updates.push(update))
    tell('new', name, client, gc ? 1 : 0)
    if (watched) tell('watch', name)
    for (const root of ['text', 'plain']) tell('declare', name, 'text', root)
    tell('declare', name, 'array', 'array')
    tell('declare', name, 'map', 'map')
    roots(this.doc)
  }

  /** An undo manager on both sides. */
  watch (r) {
    const scope = r.pick([['doc'], ['text'], ['text', 'array'], ['map'], ['plain', 'text', 'map', 'array'], ['plain', 'map']])
    const timeout = r.pick([0, 500, 500])
    const overwrite = r.chance(30)
    const remote = r.chance(10)
    this.undo = new Y.UndoManager(scope[0] === 'doc' ? this.doc : scope.map((name) => roots(this.doc)[rootNames.indexOf(name)]), {
      captureTimeout: timeout,
      ignoreRemoteMapChanges: overwrite,
      trackedOrigins: new Set(remote ? [null, 'remote'] : [null])
    })
    this.heard = []
    for (const name of ['added', 'updated', 'popped']) {
      this.undo.on(`stack-item-${name}`, ({ stackItem, type, changedParentTypes }) => {
        const seen = stackItem.meta.get('seen') ?? 0
        stackItem.meta.set('seen', seen + 1)
        this.heard.push([name, type, changedParentTypes.size, seen])
      })
    }
    this.undo.on('stack-cleared', ({ undoStackCleared, redoStackCleared }) => this.heard.push(['cleared', undoStackCleared, redoStackCleared]))
    if (scope.includes('xml')) tell('declare', this.name, 'xml', 'xml')
    tell('undoer', this.name, timeout * 1000, overwrite ? 1 : 0, remote ? 1 : 0,
      ...scope.map((name) => name === 'doc' ? name : 'r:' + hex(Buffer.from(name))))
  }

  checkUndo () {
    const numbers = (ds) => [...ds.clients].sort(([a], [b]) => b - a).flatMap(([client, ranges]) => ranges.flatMap(({ clock, len }) => [client, clock, len]))
    const stacks = [this.undo.undoStack, this.undo.redoStack].map((stack) => stack.map((item) => [numbers(item.insertions), numbers(item.deletions)]))
    expect(`stacks of ${this.name}`, JSON.stringify(stacks), 'stack', this.name)
    expect(`heard by ${this.name}`, JSON.stringify(this.heard.splice(0)), 'heard', this.name)
  }

  undoStep (r) {
    this.updates = []
    const sizes = () => `${this.undo.undoStack.length} ${this.undo.redoStack.length}`
    switch (r.below(12)) {
      case 0: this.undo.stopCapturing(); tell('stop', this.name); break
      case 1: {
        const [undo, redo] = r.pick([[true, false], [false, true], [true, true]])
        if (r.chance(60)) break
        this.undo.clear(undo, redo)
        expect('sizes after clear', sizes(), 'clear', this.name, undo ? 1 : 0, redo ? 1 : 0)
        break
      }
      case 2: case 3: case 4: case 5: case 6: {
        const popped = this.undo.undo()
        expect('undo', `${popped === null ? 0 : 1} ${sizes()}`, 'undo', this.name)
        break
      }
      default: {
        const popped = this.undo.redo()
        expect('redo', `${popped === null ? 0 : 1} ${sizes()}`, 'redo', this.name)
      }
    }
    if (this.updates.length > 0 && this.watched) {
      const last = hex(this.updates[this.updates.length - 1])
      say((ours) => {
        if (ours.split(' ')[0] !== last) throw new Error(`update by undo in ${this.name}\n  ours ${ours.split(' ')[0]}\n  yjs  ${last}`)
      }, 'last', this.name)
    }
    this.check()
    this.checkUndo()
    return this.take()
  }

  /** What the steps since the last call changed, as one update. */
  take () {
    const updates = this.updates
    this.updates = []
    return updates.length === 1 ? updates[0] : updates.length === 0 ? new Uint8Array() : Y.mergeUpdates(updates)
  }

  apply (update) {
    this.updates = []
    Y.applyUpdate(this.doc, update, 'remote')
    const pending = this.doc.store.pendingStructs || this.doc.store.pendingDs ? 1 : 0
    expect(`effect on ${this.name}`, `${this.updates.length > 0 ? 1 : 0} ${pending} ${hex(this.take())}`, 'apply', this.name, hex(update))
  }

  edit (r) {
    const edits = []
    this.doc.transact(() => { for (let n = 1 + r.below(3); n > 0; n--) lockstep(r, this.doc, edits) })
    const update = this.take()
    expect(`update of ${this.name}`, hex(update), 'do', this.name, anyHex(edits))
    return update
  }

  check () {
    expect(`state of ${this.name}`, hex(Y.encodeStateAsUpdate(this.doc)), 'state', this.name)
  }

  position (r) {
    const type = anyType(r, this.doc)
    const index = r.below(type.length === undefined ? 1 : type.length + 2)
    const assoc = r.pick([0, 0, -1, -1, 5, -700])
    if (insidePair(type, index)) return
    const made = Y.createRelativePositionFromTypeIndex(type, index, assoc)
    const bytes = hex(Y.encodeRelativePosition(made))
    const json = Buffer.from(JSON.stringify(made)).toString('hex')
    const sorted = Buffer.from(JSON.stringify(Y.relativePositionToJSON(made))).toString('hex')
    expect(`position in ${this.name}`, `${bytes} ${sorted}`, 'rpos', this.name, nameOf(this.doc, type), index, assoc)
    this.positions.push({ made: Y.decodeRelativePosition(Y.encodeRelativePosition(made)), bytes, json })
  }

  place (r, { made, bytes }) {
    // Yjs makes a root that it is asked about; we say that there is none yet.
    if (made.tname === 'xml' && this.doc.getXmlFragment('xml')._start === null) return
    for (const follow of [0, 1]) {
      const found = Y.createAbsolutePositionFromRelativePosition(made, this.doc, follow === 1)
      expect(`place in ${this.name}`, found === null ? 'null' : found.index, 'apos', this.name, bytes, follow)
    }
  }

  snapshot () {
    const theirs = Y.snapshot(this.doc)
    const v1 = hex(Y.encodeSnapshot(theirs))
    const v2 = hex(Y.encodeSnapshotV2(theirs))
    expect(`snapshot of ${this.name}`, `${v1} ${v2}`, 'snap', this.name)
    expect('snapshot decoded and encoded', `${v1} ${v2}`, 'recode', v1, v2)
    this.snapshots.push({ theirs, v1 })
  }

  lookBack (r) {
    const at = r.pick(this.snapshots)
    const previous = r.pick(this.snapshots)
    const type = anyType(r, this.doc)
    const name = nameOf(this.doc, type)
    if (type instanceof Y.Text) {
      const users = r.below(2)
      const computed = users ? (change, id) => ({ user: id.client, type: change }) : undefined
      const [a, b] = r.pick([[at, undefined], [at, previous], [undefined, previous]])
      const delta = type.toDelta(a?.theirs, b?.theirs, computed).map((op) => ({ ...op }))
      delta.forEach((op) => { op.insert = canonical(op.insert) })
      say((ours) => differ(`delta in ${this.name}`, JSON.parse(ours), delta), 'deltaat', this.name, name, a?.v1 ?? '-', b?.v1 ?? '-', users)
    }
    if (this.doc.gc) return
    // Yjs restores in a transaction of the old document, which is a step without changes to an undo
    // manager of the whole document. We only read.
    this.undo.captureTransaction = () => false
    const restored = Y.createDocFromSnapshot(this.doc, at.theirs, new Y.Doc({ gc: true }))
    this.undo.captureTransaction = () => true
    expect(`restored from ${this.name}`, hex(Y.encodeStateAsUpdate(restored)), 'restore', this.name, at.v1)
    const then = sameIn(restored, type, this.doc)
    if (then !== null && (type instanceof Y.Array || type instanceof Y.XmlFragment)) {
      // What is in nested types is as it is now, so only plain values are compared.
      const plain = (values) => values.map((value) => value instanceof Y.AbstractType || value instanceof Y.Doc ? 'type' : value)
      const theirs = canonical(plain(then.toArray()))
      say((ours) => {
        const values = JSON.parse(ours)
        theirs.forEach((value, i) => { if (value === 'type') values[i] = 'type' })
        differ(`values in ${this.name}`, values, theirs)
      }, 'valuesat', this.name, name, at.v1)
    }
    if (then !== null && type instanceof Y.Map) {
      const entries = Y.typeMapGetAllSnapshot(type, at.theirs)
      const theirs = canonical(Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, value instanceof Y.AbstractType ? 'type' : value])))
      say((ours) => {
        const values = JSON.parse(ours)
        for (const key of Object.keys(theirs)) if (theirs[key] === 'type' && key in values) values[key] = 'type'
        differ(`entries in ${this.name}`, values, theirs)
      }, 'entriesat', this.name, name, at.v1)
    }
  }

  authors (r) {
    const type = anyType(r, this.doc)
    const ranges = []
    let index = 0
    for (let item = type._start; item !== null; item = item.right) {
      if (item.deleted || !item.countable) continue
      const last = ranges[ranges.length - 1]
      if (last !== undefined && last[0] === item.id.client && last[1] + last[2] === item.id.clock) last[2] += item.length
      else ranges.push([item.id.client, item.id.clock, item.length, index])
      index += item.length
    }
    expect(`authors in ${this.name}`, JSON.stringify(ranges), 'authors', this.name, nameOf(this.doc, type))
  }

  contains (r, update) {
    const { theirs, v1 } = r.pick(this.snapshots)
    expect('contained', Y.snapshotContainsUpdate(theirs, update) ? 1 : 0, 'contains', v1, hex(update))
  }
}

// --- A session -------------------------------------------------------------------------------------

const session = async (seed) => {
  const r = random(seed)
  const foreign = new Y.Doc()
  foreign.clientID = 50
  const made = []
  foreign.on('update', (update, origin) => { if (origin !== 'remote') made.push(update) })
  const replicas = [7, 60, 4294967295].slice(0, 1 + r.below(3)).map((client, i) => new Replica(`d${i}`, client, r.chance(50), r.chance(70)))
  tell('at', now * 1000)
  for (const replica of replicas) replica.watch(r)
  const send = (update, from) => {
    if (update.length === 0) return
    if (from !== null) Y.applyUpdate(foreign, update, 'remote')
    for (const replica of replicas) if (replica !== from) replica.waiting.push(update)
  }
  for (let step = 0; step < Number(options.steps); step++) {
    const replica = r.pick(replicas)
    const what = r.below(130)
    if (r.chance(30)) {
      now += r.pick([1, 100, 499, 500, 5000])
      tell('at', now * 1000)
    }
    if (what >= 100) {
      send(replica.undoStep(r), replica)
    } else if (what < 25) {
      send(replica.edit(r), replica)
    } else if (what < 40) {
      foreign.transact(() => { for (let n = 1 + r.below(3); n > 0; n--) editAny(r, anyType(r, foreign)) })
      made.splice(0).forEach((update) => send(update, null))
    } else if (what < 60) {
      for (let n = 1 + r.below(4); n > 0 && replica.waiting.length > 0; n--) replica.apply(replica.waiting.shift())
    } else if (what < 75) {
      replica.position(r)
    } else if (what < 82) {
      replica.snapshot()
    } else if (what < 92) {
      // Yjs cuts its items to look back, and rarely does not join all again. There it ends.
      const before = hex(Y.encodeStateAsUpdate(replica.doc))
      replica.lookBack(r)
      if (hex(Y.encodeStateAsUpdate(replica.doc)) !== before) return run()
      replica.authors(r)
    } else {
      replica.check()
      replica.contains(r, Y.encodeStateAsUpdate(r.pick(replicas).doc))
    }
    const known = r.pick(replicas).positions
    if (known.length > 0) replica.place(r, r.pick(known))
  }
  for (const replica of replicas) {
    for (const update of replica.waiting.splice(0)) replica.apply(update)
    replica.check()
    replica.checkUndo()
    for (const other of replicas) for (const known of other.positions) replica.place(r, known)
  }
  await run()
  for (const replica of replicas) replica.doc.destroy()
}

const first = Number(options.seed)
const until = Number(options.seconds) > 0 ? realNow() + Number(options.seconds) * 1000 : Infinity
let done = 0
for (let seed = first; seed < first + Number(options.sessions) && realNow() < until; seed++) {
  try {
    await session(seed)
    done++
  } catch (error) {
    console.error(`seed ${seed}: ${error.stack}`)
    console.error(`replay with: tests/interop/run.sh undo_fuzz.mjs --tool ${options.tool} --seed ${seed} --sessions 1 --steps ${options.steps}`)
    process.exit(1)
  }
}
console.log(`${done} sessions, 0 differences (seeds ${first} to ${first + done - 1})`)
process.exit(0)
