// Runs the CRDT benchmarks beside stock Yjs in one go and prints a table with ratios and goals.
//
//     node run.mjs --bench build/release/bin/crdt_bench [--full] [--only TEXT] [--repeats N]
//                  [--skipYjs] [--json]
//
// --full runs Yjs on what takes it minutes, too (a trace 100 times over, random access). The traces
// are josephg/editing-traces' automerge-paper, rustcode, friendsforever_flat and friendsforever
// (.json.gz): in $COTERIE_TRACES, or in ../shared/traces beside the source tree. Where the first is
// absent, edits of one writer are generated; rows of the others are left out.
//
// yrs cannot be built here. Its column is the ratio to Yjs of this run times the ratio of yrs to Yjs
// that was measured elsewhere, on one machine (yrs 0.27.3, Yjs 13.6.33), and so marked with ~.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { smallBenchmarks, writeInput } from './inputs.mjs'

const { values: options } = parseArgs({
  options: {
    bench: { type: 'string' },
    only: { type: 'string', default: '' },
    repeats: { type: 'string', default: '5' },
    full: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    skipYjs: { type: 'boolean', default: false }
  }
})

// --- Rows ----------------------------------------------------------------------------------------

// Goals are given in ms beside what Yjs took on the machine they were set on: where Yjs runs beside
// us, the ratio of the two decides. `slow`: Yjs runs with --full only.
const rows = [
  ['B4', 'replay-events', 'replay, an update event per edit', { ms: 40, yjs: 4981, yrs: 9028 }],
  ['B4', 'replay', 'replay, no observer', { ms: 10, yjs: 4145, yrs: 9322 }],
  ['B4', 'apply', 'its updates one by one', { ms: 50, yjs: 1168, yrs: 222 }],
  ['B4', 'parse', 'decode the whole state and read the text', { ms: 1, yjs: 19.5, yrs: 2.93 }],
  ['B4', 'parse-v2', 'decode and read it, v2', { ms: 1, yjs: 17.4, yrs: 3.2 }],
  ['B4', 'encode', 'encode the whole state', { ms: 0.15, yjs: 3.7, yrs: 0.33 }],
  ['B4', 'encode-v2', 'encode it, v2', { ms: 0.3, yjs: 2.1, yrs: 0.55 }],
  ['B4', 'merge', 'merge its updates in one call', { ms: 40, never: true }],
  ['B4', 'diff', 'diff the whole state against half', { ms: 0.2, yjs: 6.7, yrs: 0.77 }],
  ['B4', 'state-vector', 'state vector of the whole state', { yjs: 4.6, yrs: 0.65 }],
  ['B4', 'memory', 'the loaded document', { kb: 1000, resident: true }],
  ['friendsforever', 'apply', 'concurrent, updates one by one', { ms: 3, yjs: 87, yrs: 15.2 }],
  ['friendsforever', 'parse', 'decode its whole state and read it', { yjs: 20, yrs: 6.9 }],
  ['rustcode', 'replay-events', 'replay, an update event per edit', { yjs: 780, yrs: 1150 }],
  ['rustcode', 'replay', 'replay, no observer', {}],
  ['friendsforever_flat', 'replay-events', 'replay, an update event per edit', { yjs: 401, yrs: 176 }],
  ['friendsforever_flat', 'replay', 'replay, no observer', {}],
  ['1 M characters', 'random-inserts', '1 M characters: 100,000 random inserts', { ms: 20, yjs: 14639, slow: true }],
  ['1 M characters', 'random-deletes', '1 M characters: 100,000 random deletes', { ms: 20, yjs: 55729, slow: true }],
  ['B4', 'replay-many', 'x 100: replay', { ms: 1200, yjs: 483e3, slow: true }],
  ['many', 'parse', 'B4 x 100: decode the whole state', { ms: 150, yjs: 4666, yrs: 556, slow: true }],
  ['many', 'memory', 'B4 x 100: the loaded document', { kb: 80_000, resident: true, slow: true }]
]
// N = 6000, updates and states in v2 as crdt-benchmarks has them: the edits, and loading and reading
// what they made. Yjs, yrs.
const anchors = {
  'B1.1': [104, 38.5, 0.03, 0.008],
  'B1.2': [0.08, 0.019, 0.03, 0.008],
  'B1.3': [98.6, 7.4, 2.58, 0.60],
  'B1.4': [247, 56, 3.92, 1.7],
  'B1.5': [311, 162, 13.7, 3.6],
  'B1.6': [0.15, 0.042, 0.02, 0.001],
  'B1.7': [272, 58, 6, 1.55],
  'B1.8': [156, 8.0, 0.32, 0.18],
  'B1.9': [0.93, 0.38, 0.27, 0.18],
  'B1.10': [147, 8.0, 3.06, 0.89],
  'B1.11': [278, 57, 4.91, 1.96],
  'B2.1': [0.21, 0.046, 0.04, 0.014],
  'B2.2': [169, 96, 9.72, 3.8],
  'B2.3': [248, 250, 35.9, 6.5],
  'B2.4': [177, 144, 23.4, 3.3],
  'B3.1': [69.5, 46, 4.92, 10.5],
  'B3.2': [71.1, 46, 4.75, 10.6],
  'B3.3': [79.2, 47, 4.96, 11.0],
  'B3.4': [65.5, 41, 1.46, 0.69],
  'B3.5': [62.5, 41, 1.22, 0.59]
}
for (const name of smallBenchmarks) {
  const workload = { 1: 'no-conflicts-v2', 2: 'two-writers-v2', 3: 'apply-v2' }[name[1]]
  const [yjs, yrs, yjsParse, yrsParse] = anchors[name]
  rows.push([name, workload, '', { times: 3, yjs, yrs }])
  rows.push([name, 'parse-v2', 'load and read', { times: 3, yjs: yjsParse, yrs: yrsParse }])
}
rows.push(['growth', '', '1,000 random edits: 100 MB to 100 KB', { growth: 3 }])

// --- Running -------------------------------------------------------------------------------------

const dir = mkdtempSync(join(tmpdir(), 'crdt-bench-'))
const titles = new Map()
const run = (command, args) => JSON.parse(execFileSync(command, args, { encoding: 'utf8' }))
const ours = (workload) => run(options.bench, [dir, workload, options.repeats])
const yjs = (workload) => run(process.execPath, ['--expose-gc', '--max-old-space-size=8192',
  fileURLToPath(new URL('yjs_bench.mjs', import.meta.url)), dir, workload, options.repeats])

const judge = ({ goal, row, ratio, yrsRatio }) => {
  if (goal.growth !== undefined) return row.times <= goal.growth
  if (goal.kb !== undefined) return row.peak <= goal.kb
  if (goal.times !== undefined) return ratio && Math.min(ratio, yrsRatio) >= goal.times
  if (goal.ms === undefined) return undefined
  return ratio ? ratio >= goal.yjs / goal.ms : row.ms <= goal.ms
}

const measureRow = ([input, workload, title, goal]) => {
  if (goal.growth !== undefined) {
    const [small, large] = ['growth:100000', 'growth:100000000'].map(ours)
    return { name: title, goal, row: { ...large, times: large.ms / small.ms } }
  }
  const made = input.startsWith('1 M') || input === 'many'
  if (!made && !titles.has(input)) titles.set(input, writeInput(dir, input))
  if (!made && titles.get(input) === undefined) return undefined
  const name = `${made ? '' : `${input} `}${title || titles.get(input)}`
  const row = ours(`${workload}:${input}`)
  const skip = options.skipYjs || goal.never || (goal.slow && !options.full)
  const other = skip ? undefined : yjs(`${workload}:${input}`)
  if (other !== undefined && workload !== 'replay-events') {
    for (const size of ['bytes', 'bytesV2']) {
      if (other[size] !== row[size]) throw new Error(`${name}: ${row[size]} ${size}, in Yjs ${other[size]}`)
    }
  }
  const ratio = other && !goal.resident ? other.ms / row.ms : undefined
  const yrsRatio = ratio && goal.yrs ? ratio * goal.yrs / goal.yjs : undefined
  return { name, goal, row, other, ratio, yrsRatio }
}

// --- Table ---------------------------------------------------------------------------------------

const columns = [54, 11, 11, 8, 8, 18, 8, 10, 10, 9, 9]
const line = (...cells) => cells.map((cell, i) => i === 0 ? cell.padEnd(columns[0]) : String(cell).padStart(columns[i])).join('')
const short = (value) => value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toPrecision(2)
const ms = (row) => row?.ms ? `${short(row.ms)} ms` : ''
const times = (value) => value === undefined ? '' : short(value)
const goalText = ({ ms, yjs, times, kb, growth }) => {
  if (times !== undefined) return `>= ${times} x`
  if (growth !== undefined) return `<= ${growth} x`
  if (kb !== undefined) return `<= ${kb} kB`
  if (ms === undefined) return ''
  return `<= ${ms} ms${yjs ? `, ${short(yjs / ms)}x` : ''}`
}

if (!options.json) {
  console.log('user CPU, median; peak: kB above what was held before; ~yrs: by its ratio to Yjs elsewhere')
  console.log(line('workload', 'ours', 'Yjs', 'x Yjs', 'x ~yrs', 'goal', '', 'bytes', 'v2', 'peak kB', 'Yjs kB'))
}
const results = []
try {
  for (const row of rows) {
    if (!row.join(' ').includes(options.only)) continue
    const result = measureRow(row)
    if (result === undefined) continue
    result.met = judge(result)
    results.push(result)
    if (options.json) continue
    const { name, goal, row: mine, other } = result
    const verdict = result.met === undefined ? '' : result.met ? 'met' : 'missed'
    const measured = mine.times ? `${short(mine.times)} x` : ms(mine)
    console.log(line(name, measured, ms(other), times(result.ratio), times(result.yrsRatio),
      goalText(goal), verdict, mine.bytes || '', mine.bytesV2 || '', mine.peak, other?.peak === undefined ? '' : Math.round(other.peak)))
  }
} finally {
  rmSync(dir, { recursive: true })
}
if (options.json) console.log(JSON.stringify(results))
