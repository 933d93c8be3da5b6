// Random sessions of several stock Yjs documents, over every shared type and kind of value, with the
// updates they sent. Everything follows from the seed.

import * as Y from 'yjs'

const words = ['a', 'b', 'hello', 'wörld ', '日本', '😀', 'x😀y', '\n', 'tab\t', '"quoted"', 'é', '0',
  'a longer run of words, over several', '\u2028\u0001\\']
const values = [0, 1, -1, 63, 64, 2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 40, 0.5, 1.1, -0, 1e300, 1e21,
  1e-7, true, false, null, 'text', '', '日😀', [1, [2]], { a: 1, b: { c: [null] } }, {}, [],
  { 10: 1, b: 2, 9: 3 }, { 'k"': ['x', { y: -1.5 }] }]
/** What JSON cannot say, for where values are lib0 values in both formats. */
const oddValues = [undefined, NaN, Infinity, -Infinity, 12345678901234567890n - 12345678901234500000n,
  -5n, Uint8Array.from([1, 2, 255]), new Uint8Array(), { u: undefined, n: NaN, b: 1n },
  [undefined, Uint8Array.from([7])]]
const marks = [{ bold: true }, { bold: null }, { italic: true }, { bold: true, color: 'red' }, { color: 'blue' },
  { color: null }, { size: 1.5 }, { link: 'https://example.org/?q="x"' }]

const any = (r) => r.pick(r.chance(25) ? oddValues : values)
/** As element of an array: Yjs takes neither undefined nor bigints there. */
const element = (r) => {
  const value = any(r)
  return value === undefined || typeof value === 'bigint' ? null : value
}

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
      array.insert(0, [element(r), element(r)])
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
  switch (r.below(depth > 2 ? 1 : 4)) {
    case 0: return new Y.XmlText(r.pick(words))
    case 1: return new Y.XmlHook('hook' + r.below(2))
    default: {
      const element = new Y.XmlElement(r.pick(['div', 'P', 'img', 'ünı']))
      element.setAttribute(r.pick(['class', 'id']), r.pick(words))
      if (r.chance(50)) element.insert(0, [newXml(r, depth + 1)])
      return element
    }
  }
}

const flat = (text) => text.toDelta().map((op) => (typeof op.insert === 'string' ? op.insert : '*')).join('')

/** An index that splits no surrogate pair. */
const textIndex = (r, text) => {
  const index = r.below(text.length + 1)
  const plain = flat(text)
  const inside = index > 0 && /[\ud800-\udbff]/.test(plain[index - 1]) && /[\udc00-\udfff]/.test(plain[index] ?? '')
  return inside ? index + 1 : index
}

const editText = (r, text) => {
  const [index, end] = [textIndex(r, text), textIndex(r, text)].sort((a, b) => a - b)
  switch (r.below(9)) {
    case 0: case 1: case 2: text.insert(index, r.pick(words)); break
    case 3: case 4: text.delete(index, end - index); break
    case 5: text.format(index, end - index, r.pick(marks)); break
    case 6: text.insert(index, r.pick(words), r.pick(marks)); break
    case 7: text.insertEmbed(index, r.chance(50) ? { image: r.pick(words), w: any2(r) } : newType(r, 1)); break
    default: text.setAttribute(r.pick(['lang', 'dir']), any(r))
  }
}
/** Inside embeds: what v2 keeps and v1 makes JSON of. A bigint Yjs cannot write there. */
const inner = [-0, NaN, -Infinity, Uint8Array.from([3, 4]), { u: undefined, a: [undefined, NaN] },
  { 2: 'b', x: Uint8Array.from([1]), 1: 'a' }]
const any2 = (r) => r.pick(r.chance(20) ? inner : values)
const editArray = (r, array) => {
  const index = r.below(array.length + 1)
  switch (r.below(6)) {
    case 0: case 1: array.insert(index, [element(r), element(r)]); break
    case 2: array.insert(index, [newType(r, 0)]); break
    case 3: array.insert(index, [Uint8Array.from([1, 2, 3]), element(r)]); break
    case 4: if (r.chance(30)) array.push([new Y.Doc({ guid: 'sub' + r.below(1000), meta: any2(r), autoLoad: r.chance(50) })]); else array.push([element(r)]); break
    default: array.delete(index, Math.min(array.length - index, r.below(4)))
  }
}
const editMap = (r, map) => {
  const key = r.pick(['a', 'b', 'c', 'ключ', ''])
  switch (r.below(7)) {
    case 0: case 1: case 2: map.set(key, any(r)); break
    case 3: map.set(key, newType(r, 0)); break
    case 4: map.set(key, Uint8Array.from([9])); break
    default: map.delete(key)
  }
}
const editXml = (r, xml) => {
  const index = r.below(xml.length + 1)
  switch (r.below(6)) {
    case 0: case 1: case 2: xml.insert(index, [newXml(r, 0)]); break
    case 3: if (xml.length > 0) xml.delete(r.below(xml.length), 1); break
    default: {
      const child = xml.length > 0 ? xml.get(r.below(xml.length)) : null
      if (child instanceof Y.XmlText) editText(r, child)
      else if (child instanceof Y.XmlElement) {
        if (r.chance(50)) child.setAttribute(r.pick(['class', 'id']), r.pick(words))
        else editXml(r, child)
      } else if (child instanceof Y.XmlHook) child.set('k', any(r))
      else xml.insert(0, [newXml(r, 0)])
    }
  }
}

/** A type nested in a map or array, to edit there. */
const nested = (r, types) => {
  const found = types.filter((value) => value instanceof Y.AbstractType)
  return found.length > 0 && r.chance(40) ? r.pick(found) : null
}
const editAny = (r, type) => {
  if (type instanceof Y.Text) editText(r, type)
  else if (type instanceof Y.Array) editArray(r, type)
  else if (type instanceof Y.Map) editMap(r, type)
  else editXml(r, type)
}

export const roots = { text: 'text', array: 'array', map: 'map', xml: 'xml' }
export const declare = (doc) => {
  doc.getText('text')
  doc.getArray('array')
  doc.getMap('map')
  doc.getXmlFragment('xml')
}

export const edit = (r, doc) => {
  doc.transact(() => {
    for (let i = r.below(3); i >= 0; i--) {
      const text = doc.getText('text')
      const array = doc.getArray('array')
      const map = doc.getMap('map')
      const inner = nested(r, [...array.toArray(), ...map.values()])
      if (inner !== null) editAny(r, inner)
      else editAny(r, r.pick([text, text, array, map, doc.getXmlFragment('xml')]))
    }
  })
}

/** Runs a session. Calls `sent({ from, v1, v2 })` for each update of a document's own. */
export const run = (r, { docs: count, steps, gc = true, sent = () => {} }) => {
  const docs = []
  const updates = []
  for (let i = 0; i < count; i++) {
    const doc = new Y.Doc({ gc })
    doc.clientID = r.chance(50) ? i + 1 : r.below(2 ** 31) + i
    declare(doc)
    const pair = { from: i }
    doc.on('update', (update, origin) => {
      if (origin === 'remote') return
      pair.v1 = update
      if (pair.v2) flush()
    })
    doc.on('updateV2', (update, origin) => {
      if (origin === 'remote') return
      pair.v2 = update
      if (pair.v1) flush()
    })
    const flush = () => {
      const one = { from: i, v1: pair.v1, v2: pair.v2 }
      pair.v1 = pair.v2 = undefined
      updates.push(one)
      sent(one)
    }
    docs.push(doc)
  }
  const undo = new Y.UndoManager([docs[0].getText('text'), docs[0].getMap('map')], { captureTimeout: 0 })
  for (let step = 0; step < steps; step++) {
    const doc = r.pick(docs)
    if (doc === docs[0] && r.chance(15)) {
      if (r.chance(60)) undo.undo()
      else undo.redo()
    } else {
      edit(r, doc)
    }
    if (r.chance(30)) {
      const to = r.pick(docs)
      if (to !== doc) Y.applyUpdateV2(to, Y.encodeStateAsUpdateV2(doc, Y.encodeStateVector(to)), 'remote')
    }
  }
  return { docs, updates }
}
