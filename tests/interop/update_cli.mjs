// `coterie update` beside stock Yjs: random sessions over every type, as streams of updates in v1
// and v2, must give the JSON and the state that a stock client ends with.
//
//     node update_cli.mjs --coterie PATH [--sessions N] [--seed FIRST]

import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { parseArgs } from 'node:util'
import * as encoding from 'lib0/encoding'
import * as Y from 'yjs'
import { random } from './random.mjs'
import { declare, run } from './random_session.mjs'

const { values: options } = parseArgs({
  options: {
    coterie: { type: 'string' },
    sessions: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' }
  }
})

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'update-cli-'))
const file = (name) => path.join(directory, name)
const coterie = (args, input = Buffer.alloc(0)) =>
  spawnSync(options.coterie, ['update', ...args], { input, maxBuffer: 1 << 30 })

const check = (condition, what) => {
  if (!condition) throw new Error(what)
}
const same = (what, ours, theirs) => {
  if (ours !== theirs) throw new Error(`${what}\n  ours   ${ours}\n  theirs ${theirs}`)
}
const succeed = (args, input) => {
  const result = coterie(args, input)
  check(result.status === 0, `${args.join(' ')}: exit ${result.status}, ${result.stderr}`)
  return result.stdout
}
const fail = (args, input, message) => {
  const result = coterie(args, input)
  check(result.status === 1, `${args.join(' ')}: exit ${result.status} instead of 1`)
  check(result.stdout.length === 0, `${args.join(' ')}: printed ${result.stdout}`)
  check(String(result.stderr).includes(message), `${args.join(' ')}: said ${result.stderr}`)
}

const streamOf = (updates) => {
  const encoder = encoding.createEncoder()
  for (const update of updates) encoding.writeVarUint8Array(encoder, update)
  return Buffer.from(encoding.toUint8Array(encoder))
}

/** JSON.stringify, with what JSON has no word for as the command writes it. */
const stringify = (value) => JSON.stringify(value, function (key, shown) {
  const held = this[key]
  if (held instanceof Uint8Array) return { $bytes: Array.from(held) }
  if (typeof held === 'bigint') return { $bigint: String(held) }
  return shown
})
const jsonOf = (doc) => `{"text":${stringify(doc.getText('text').toDelta())}` +
  `,"xml":${stringify(doc.getXmlFragment('xml').toString())}` +
  `,"array":${stringify(doc.getArray('array').toJSON())},"map":${stringify(doc.getMap('map').toJSON())}}\n`
const rootArguments = ['--root', 'text:text', 'xml:xml', '--root', 'array:array', 'map:map']

const session = (seed) => {
  const r = random(seed)
  const { docs, updates } = run(r, { docs: 1 + r.below(3), steps: 40 })
  for (const two of [false, true]) {
    const chosen = updates.map((update) => (two ? update.v2 : update.v1))
    const doc = new Y.Doc()
    declare(doc)
    for (const update of chosen) (two ? Y.applyUpdateV2 : Y.applyUpdate)(doc, update)
    const flags = two ? ['--v2'] : []
    const out = file('state')
    const printed = succeed(['json', '--stream', ...flags, ...rootArguments, '--out', out], streamOf(chosen))
    same('json', printed.toString(), jsonOf(doc))
    same('state', fs.readFileSync(out).toString('hex'), Buffer.from(Y.encodeStateAsUpdate(doc)).toString('hex'))

    // The other commands, over files.
    const names = chosen.map((update, i) => {
      fs.writeFileSync(file(`u${i}`), update)
      return file(`u${i}`)
    })
    if (names.length === 0) continue
    const merged = (two ? Y.mergeUpdatesV2 : Y.mergeUpdates)(chosen)
    same('merge', succeed(['merge', ...flags, ...names]).toString('hex'), Buffer.from(merged).toString('hex'))
    fs.writeFileSync(file('merged'), merged)
    const whole = new Y.Doc()
    declare(whole)
    ;(two ? Y.applyUpdateV2 : Y.applyUpdate)(whole, merged)
    same('json of files', succeed(['json', ...flags, file('merged'), ...rootArguments]).toString(), jsonOf(whole))
    const vector = (two ? Y.encodeStateVectorFromUpdateV2 : Y.encodeStateVectorFromUpdate)(merged)
    same('state-vector', succeed(['state-vector', ...flags], merged).toString().trim(), Buffer.from(vector).toString('hex'))
    const since = Y.encodeStateVector(r.pick(docs))
    same('diff', succeed(['diff', ...flags, '--since', Buffer.from(since).toString('hex')], merged).toString('hex'),
      Buffer.from((two ? Y.diffUpdateV2 : Y.diffUpdate)(merged, since)).toString('hex'))
    const convert = two ? Y.convertUpdateFormatV2ToV1 : Y.convertUpdateFormatV1ToV2
    same('convert', succeed(['convert', '--to', two ? 'v1' : 'v2', '-'], merged).toString('hex'),
      Buffer.from(convert(merged)).toString('hex'))
    same('obfuscate', succeed(['obfuscate', ...flags], merged).toString('hex'),
      Buffer.from((two ? Y.obfuscateUpdateV2 : Y.obfuscateUpdate)(merged)).toString('hex'))
    const shown = JSON.parse(succeed(['show', '--json', ...flags], merged))
    const decoded = (two ? Y.decodeUpdateV2 : Y.decodeUpdate)(merged)
    same('show', JSON.stringify(shown.structs.map((one) => [one.kind, one.id.client, one.id.clock, one.length])),
      JSON.stringify(decoded.structs.map((one) => [one.content?.constructor.name ?? one.constructor.name,
        one.id.client, one.id.clock, one.length])))
    same('show, deletes', String(shown.deletes.length),
      String([...decoded.ds.clients.values()].reduce((sum, ranges) => sum + ranges.length, 0)))
    check(String(succeed(['show', ...flags], merged)).startsWith(`${decoded.structs.length} structs`), 'show for people')
  }
}

/** What a stock client would not take, and what the machine refuses: said, and nothing written. */
const mistakes = () => {
  const doc = new Y.Doc()
  const updates = []
  doc.on('update', (update) => updates.push(update))
  for (const word of ['one', 'two', 'three']) doc.getText('text').insert(0, word)
  const stream = streamOf(updates)
  const out = file('kept')
  fs.writeFileSync(out, 'kept')
  const json = ['json', '--stream', '--root', 'text:text', '--out', out]
  fail(json, stream.subarray(0, stream.length - 1), 'update 3 (at byte')
  fail(json, streamOf([updates[0], Uint8Array.from([1, 1]), updates[1]]), 'update 2 (at byte')
  fail(json, streamOf([updates[0], new Uint8Array()]), 'update 2 (at byte')
  fail(json, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 2]), 'update 1 (at byte 0')
  fail(json, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]), 'not a length')
  fail(json, Buffer.from([0x80]), 'ends inside a length')
  fail(['json', '--stream', '--root', 'text:tex'], stream, '--root text:tex')
  fail(['json', '--stream', '--root', 'text:text', 'text:map'], stream, 'named twice')
  fail(['json', '--stream', '--root', 'text:text', '--out', file('missing/state')], stream, 'cannot be written')
  fail(['json', '--stream', '--root', 'text:text', '--out', directory], stream, 'is a directory')
  fail(['json', '--stream', '--root', 'text:text', '--out', '-'], stream, '--out -')
  check(coterie(['json', '--stream', '--out', ''], stream).status === 2, '--out of no name')
  fail(['merge', file('none')], undefined, 'cannot be opened')
  fail(['diff', '--since', 'xyz'], updates[0], '--since')
  check(fs.readFileSync(out, 'utf8') === 'kept', 'a failed run changed its output file')
  check(fs.readdirSync(directory).every((name) => !name.includes('.new-')), 'a failed run left a file behind')
  same('nothing', succeed(['json', '--stream', '--root', 'a:b:text', ':map', 'x:xml']).toString(),
    '{"a:b":[],"":{},"x":""}\n')
  same('json of an empty stream', succeed(['json', '--stream']).toString(), '{}\n')
  check(coterie([]).status !== 0 && coterie(['convert', '--to', 'v3']).status > 1, 'usage')
}

/** What is written to: a link stays one, a device is not replaced, and a root's name is UTF-8. */
const places = () => {
  const doc = new Y.Doc()
  doc.getText('text').insert(0, 'a😀')
  const update = Y.encodeStateAsUpdate(doc)
  fs.writeFileSync(file('target'), 'old')
  fs.symlinkSync(file('target'), file('link'))
  succeed(['merge', '--out', file('link')], update)
  check(fs.lstatSync(file('link')).isSymbolicLink(), 'a link was replaced')
  same('through a link', fs.readFileSync(file('target')).toString('hex'), Buffer.from(update).toString('hex'))
  const pipe = file('pipe')
  check(spawnSync('mkfifo', [pipe]).status === 0, 'mkfifo')
  const read = spawnSync('sh', ['-c', 'cat "$1" & "$2" update merge --out "$1"; wait', 'sh', pipe, options.coterie],
    { input: update })
  check(fs.lstatSync(pipe).isFIFO(), 'a pipe was replaced')
  same('through a pipe', read.stdout.toString('hex'), Buffer.from(update).toString('hex'))
  same('--out -', succeed(['merge', '--out', '-'], update).toString('hex'), Buffer.from(update).toString('hex'))
  const named = spawnSync('sh', ['-c', '"$1" update json --stream --root "$(printf "a\\377"):text"', 'sh', options.coterie],
    { input: Buffer.alloc(0) })
  check(named.status === 1 && String(named.stderr).includes('not UTF-8'), `a root of no text: ${named.stderr}`)
  same('text as array', succeed(['json', '--root', 'text:array'], update).toString(), '{"text":["a","😀",""]}\n')
}

let differences = 0
const first = Number(options.seed)
const sessions = Number(options.sessions)
try {
  mistakes()
  places()
} catch (error) {
  differences++
  console.log(error.message.slice(0, 3000))
}
for (let seed = first; seed < first + sessions && differences < 5; seed++) {
  try {
    session(seed)
  } catch (error) {
    differences++
    console.log(`seed ${seed}: ${error.message.slice(0, 3000)}`)
  }
}
fs.rmSync(directory, { recursive: true })
console.log(`${sessions} sessions, ${differences} differences (seeds ${first} to ${first + sessions - 1})`)
process.exit(differences > 0 ? 1 : 0)
