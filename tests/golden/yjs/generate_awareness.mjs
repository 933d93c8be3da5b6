// Writes awareness.json: random sessions of y-protocols' Awareness under a clock of its own, with
// every event and every update it makes. Run in node/web's node_modules:
//
//     node tests/golden/yjs/generate_awareness.mjs    (after npm ci in node/web)

import { readFileSync, writeFileSync } from 'node:fs'

// Time stands still between steps. Steps are of 3 s, the interval at which y-protocols looks for
// what is due, so that it looks just when something is.
let now = 1_000_000
const timers = []
Date.now = () => now
globalThis.setInterval = (look) => timers.push(look)
globalThis.clearInterval = () => {}

const modules = new URL('../../../node/web/node_modules/', import.meta.url)
const A = await import(new URL('y-protocols/awareness.js', modules))
const Y = await import(new URL('yjs/dist/yjs.mjs', modules))
const encoding = await import(new URL('lib0/encoding.js', modules))
const { version } = JSON.parse(readFileSync(new URL('y-protocols/package.json', modules)))

let seed = 7
const below = (n) => {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
  return (seed >>> 8) % n
}
const pick = (list) => list[below(list.length)]
const hex = (bytes) => Buffer.from(bytes).toString('hex')

const states = [{}, { name: 'Ada' }, { name: 'Ada', cursor: { anchor: 1, head: 2 } }, { name: '日😀', list: [1, 2.5, null] },
  { cursor: { head: 2, anchor: 1 }, name: 'Ada' }, 'text', 7, [1], true]
const raw = ['{ "name" : "Ada" }', '{"a":1.50,"b":1e2}', '[ ]', 'null', ' null ', '"\\u0041"', '{"a":{"b":{}}}']
const fields = ['name', 'cursor', 'x']

/** An update that no Awareness of ours would send. */
const crafted = () => {
  const encoder = encoding.createEncoder()
  const count = below(4)
  encoding.writeVarUint(encoder, count)
  for (let i = 0; i < count; i++) {
    encoding.writeVarUint(encoder, pick([1, 2, 3, 9, 10]))
    encoding.writeVarUint(encoder, below(8))
    encoding.writeVarString(encoder, pick(raw))
  }
  return encoding.toUint8Array(encoder)
}

const session = () => {
  timers.length = 0
  const peers = [1, 2, 3].map((client) => {
    const doc = new Y.Doc()
    doc.clientID = client
    return new A.Awareness(doc)
  })
  let events = []
  for (const awareness of peers) {
    for (const name of ['change', 'update']) {
      awareness.on(name, ({ added, updated, removed }, origin) => {
        events.push({ peer: awareness.clientID, name, added, updated, removed, origin: origin ?? null })
      })
    }
  }
  const started = now
  const sent = []
  const steps = []
  for (let i = 0; i < 40; i++) {
    const awareness = pick(peers)
    const step = { peer: awareness.clientID }
    events = []
    switch (below(9)) {
      case 0: case 1:
        step.set = below(6) === 0 ? null : pick(states)
        awareness.setLocalState(step.set)
        break
      case 2:
        if (Object.getPrototypeOf(awareness.getLocalState() ?? {}) !== Object.prototype) continue
        step.field = pick(fields)
        step.value = pick([1, 'x', null, { y: 2 }])
        awareness.setLocalStateField(step.field, step.value)
        break
      case 3: {
        step.encode = [...awareness.getStates().keys()]
        const update = A.encodeAwarenessUpdate(awareness, step.encode)
        step.update = hex(update)
        sent.push(update)
        break
      }
      case 4: case 5: {
        const update = sent.length > 0 && below(3) > 0 ? pick(sent) : crafted()
        step.apply = hex(update)
        A.applyAwarenessUpdate(awareness, update, 'remote')
        break
      }
      case 6:
        step.remove = [1, 2, 3, 9].filter(() => below(3) === 0)
        A.removeAwarenessStates(awareness, step.remove, 'left')
        break
      case 7: {
        step.modify = hex(crafted())
        step.modified = hex(A.modifyAwarenessUpdate(Buffer.from(step.modify, 'hex'), (state) => state === null ? null : { was: state }))
        break
      }
      default:
        now += 3000 * (1 + below(6))
        delete step.peer
        step.at = now - started
        for (const look of timers) look()
    }
    step.events = events
    step.states = peers.map((peer) => [...peer.getStates().entries()].map(([client, state]) => [client, peer.meta.get(client).clock, JSON.stringify(state)]))
    steps.push(step)
  }
  return steps
}

const sessions = []
for (let i = 0; i < 12; i++) sessions.push(session())
const lines = sessions.map((steps) => '[\n' + steps.map((step) => JSON.stringify(step)).join(',\n') + '\n]')
writeFileSync(new URL('./awareness.json', import.meta.url),
  `{"generator":"tests/golden/yjs/generate_awareness.mjs","y-protocols":"${version}","sessions":[\n${lines.join(',\n')}\n]}\n`)
