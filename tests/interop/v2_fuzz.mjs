// Update format v2 beside stock Yjs: random sessions whose updates go, in v1 and v2 mixed and in any
// order, into our document and a Yjs mirror; and through all tools that work on the bytes. Every
// answer must be the same bytes.
//
//     node v2_fuzz.mjs --tool PATH [--sessions N] [--seed FIRST] [--steps N]
//
// Replays one session with --seed N --sessions 1.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import * as Y from 'yjs'
import { random } from './random.mjs'
import { declare, run } from './random_session.mjs'

const { values: options } = parseArgs({
  options: {
    tool: { type: 'string' },
    sessions: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '30' }
  }
})

const tool = spawn(options.tool, { stdio: ['pipe', 'pipe', 'inherit'] })
const answers = createInterface({ input: tool.stdout })[Symbol.asyncIterator]()
const ask = async (...words) => {
  tool.stdin.write(words.join(' ') + '\n')
  const { value, done } = await answers.next()
  if (done) throw new Error(`the tool died at: ${words.join(' ').slice(0, 400)}`)
  if (!value.startsWith('ok')) throw new Error(`${value} at: ${words.join(' ').slice(0, 400)}`)
  return value.slice(3)
}
const hex = (bytes) => (bytes.length === 0 ? '-' : Buffer.from(bytes).toString('hex'))

const same = (what, ours, theirs) => {
  if (ours === theirs) return
  throw new Error(`${what}\n  ours   ${ours}\n  theirs ${theirs}`)
}
const meta = ({ from, to }) => {
  const list = (map) => [...map.entries()].sort((a, b) => a[0] - b[0])
  return JSON.stringify([list(from), list(to)])
}

const shuffled = (r, list) => {
  const out = list.slice()
  for (let i = out.length - 1; i > 0; i--) {
    const k = r.below(i + 1)
    ;[out[i], out[k]] = [out[k], out[i]]
  }
  return out
}

/** Applies updates to our document and a mirror, in v1 and v2 mixed, and compares at each step. */
const applyAll = async (r, updates, gc) => {
  const mirror = new Y.Doc({ gc })
  mirror.clientID = 4000000000
  declare(mirror)
  const last = ['-', '-']
  let events = 0
  mirror.on('update', (update) => { last[0] = hex(update) })
  mirror.on('updateV2', (update) => {
    last[1] = hex(update)
    events++
  })
  await ask('new', 'm', mirror.clientID, gc ? 1 : 0)
  await ask('watch', 'm')
  for (const [kind, name] of [['text', 'text'], ['array', 'array'], ['map', 'map']]) {
    await ask('declare', 'm', kind, name)
  }
  for (const update of updates) {
    const two = r.chance(60)
    const pending = mirror.store.pendingStructs !== null
    events = 0
    if (two) Y.applyUpdateV2(mirror, update.v2)
    else Y.applyUpdate(mirror, update.v1)
    await ask(two ? 'apply2' : 'apply', 'm', hex(two ? update.v2 : update.v1))
    // Yjs reports what pending structs add in an event of its own; ours is in the one.
    if (!pending && events === 1) same('update events', await ask('last', 'm'), last.join(' '))
    if (r.chance(15) && !await compareStates(mirror)) return
  }
  await compareStates(mirror)
}
/** False where Yjs keeps structs waiting that it could place: it notes only one of the needs of what
 *  waits, and so may not see that it is met. We are ahead then, until something else arrives. */
const compareStates = async (mirror) => {
  const vector = await ask('sv', 'm')
  if (mirror.store.pendingStructs !== null && vector !== hex(Y.encodeStateVector(mirror))) return false
  same('state vector', vector, hex(Y.encodeStateVector(mirror)))
  same('state v1', await ask('state', 'm'), hex(Y.encodeStateAsUpdate(mirror)))
  same('state v2', await ask('state2', 'm'), hex(Y.encodeStateAsUpdateV2(mirror)))
  return true
}

const compareTools = async (r, updates, docs) => {
  const [ones, twos] = [updates.map((update) => update.v1), updates.map((update) => update.v2)]
  for (let i = 0; i < updates.length; i += 1 + r.below(5)) {
    same('convert to v2', await ask('convert12', hex(ones[i])), hex(Y.convertUpdateFormatV1ToV2(ones[i])))
    same('convert to v1', await ask('convert21', hex(twos[i])), hex(Y.convertUpdateFormatV2ToV1(twos[i])))
    same('meta', await ask('meta2', hex(twos[i])), meta(Y.parseUpdateMetaV2(twos[i])))
    same('state vector of v2', await ask('svof2', hex(twos[i])), hex(Y.encodeStateVectorFromUpdateV2(twos[i])))
  }
  if (updates.length === 0) return
  const some = shuffled(r, updates).slice(0, 1 + r.below(updates.length))
  const merged = Y.mergeUpdatesV2(some.map((update) => update.v2))
  same('merge v2', await ask('merge2', ...some.map((update) => hex(update.v2))), hex(merged))
  const merged1 = Y.mergeUpdates(some.map((update) => update.v1))
  same('merge v1', await ask('merge', ...some.map((update) => hex(update.v1))), hex(merged1))
  same('convert merged to v1', await ask('convert21', hex(merged)), hex(Y.convertUpdateFormatV2ToV1(merged)))
  same('convert merged to v2', await ask('convert12', hex(merged1)), hex(Y.convertUpdateFormatV1ToV2(merged1)))
  same('meta of merged', await ask('meta2', hex(merged)), meta(Y.parseUpdateMetaV2(merged)))
  same('state vector of merged', await ask('svof2', hex(merged)), hex(Y.encodeStateVectorFromUpdateV2(merged)))
  for (const doc of docs) {
    const since = new Map()
    for (const [client, clock] of Y.decodeStateVector(Y.encodeStateVector(doc))) {
      if (r.chance(80)) since.set(client, r.below(clock + 2))
    }
    const vector = Y.encodeStateVector(since)
    same('diff v2', await ask('diff2', hex(merged), hex(vector)), hex(Y.diffUpdateV2(merged, vector)))
    const state = Y.encodeStateAsUpdateV2(doc)
    same('diff of state', await ask('diff2', hex(state), hex(vector)), hex(Y.diffUpdateV2(state, vector)))
    // And from a document of ours that holds it.
    await ask('new', 'd', 77, 1)
    await ask('apply2', 'd', hex(state))
    if (doc.gc) same('state loaded', await ask('state2', 'd'), hex(Y.encodeStateAsUpdateV2(loaded(state))))
    same('state since', await ask('state2', 'd', hex(vector)), hex(Y.encodeStateAsUpdateV2(loaded(state), vector)))
  }
}
const loaded = (state) => {
  const doc = new Y.Doc()
  Y.applyUpdateV2(doc, state)
  return doc
}

let differences = 0
const first = Number(options.seed)
const sessions = Number(options.sessions)
for (let seed = first; seed < first + sessions; seed++) {
  const r = random(seed)
  try {
    const gc = r.chance(80)
    const { docs, updates } = run(r, { docs: 1 + r.below(4), steps: Number(options.steps), gc })
    await applyAll(r, updates, gc)
    await applyAll(r, shuffled(r, [...updates, ...updates.slice(0, 3)]), gc)
    await compareTools(r, updates, docs)
  } catch (error) {
    differences++
    console.log(`seed ${seed}: ${error.message.slice(0, 2000)}`)
    if (differences >= 5) break
  }
}
console.log(`${sessions} sessions, ${differences} differences (seeds ${first} to ${first + sessions - 1})`)
tool.stdin.end()
process.exit(differences > 0 ? 1 : 0)
