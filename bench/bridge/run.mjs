// The bridge beside other servers of Yjs documents: what CPU, time and memory they take for the same.
//
//   node run.mjs [--only NAME,...] [--servers NAME,...] [--seconds S] [--json FILE]
//
// Each server is a process of its own, pinned to one core; the load (bridge_load) runs on the other.
// coterie signs, encrypts and writes to LMDB all the time, and has one other node that replicates
// it (on the load's core, at the lowest priority; not counted). The others keep documents in memory
// only, except where a scenario names a store: y-leveldb, and SQLite. relay and bare are floors: a
// relay without a document in JavaScript, and one in C++ that does nothing but recv() and send().

import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

import { needBinary } from '../../tests/e2e/lib/nodes.mjs'
import { root, scenario, Skipped, sleep } from '../../tests/e2e/lib/scenario.mjs'
import { writeInput } from '../crdt/inputs.mjs'
import { bin, loadCore, makers, serverCore } from './servers.mjs'

const execute = promisify(execFile)
const number = { type: 'string', number: true }

/** Runs one scenario of bridge_load; its numbers, or {error}. */
async function load (server, what, options = {}) {
  const given = { port: server.port, pid: server.pid, protocol: server.protocol, path: server.path, prefix: server.prefix, keeps: server.keeps, ...options }
  const args = Object.entries(given).filter(([, value]) => value !== '').flatMap(([name, value]) => [`--${name}`, String(value)])
  const { stdout } = await execute('taskset', ['-c', loadCore, path.join(bin, 'bridge_load'), what, ...args], {
    timeout: 600_000, maxBuffer: 2 ** 26
  })
  return JSON.parse(stdout)
}

/** A server that only this scenario uses. */
async function fresh (context, name, stored = false) {
  const server = makers[name](context, stored)
  await server.start()
  return server
}

/** An update that holds the whole trace, in a file. */
function paper (context) {
  context.paper ??= (() => {
    const directory = path.join(context.directory, 'inputs')
    mkdirSync(directory)
    context.figure('document', writeInput(directory, 'B4'))
    return path.join(directory, 'B4.state')
  })()
  return context.paper
}

/** One load against a server of its own; what coterie's other node holds of `document` in the end is checked. */
const against = (what, options, { stored, document } = {}) => async (context, name, { seconds }) => {
  const server = await fresh(context, name, stored)
  const result = await load(server, what, { ...options, seconds, seed: context.random.below(2 ** 31) })
  if (document !== undefined) await server.replicated?.(document)
  await server.stop()
  return result
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
const fixed = (value, digits = 2) => value === undefined || value === null ? '-' : value.toFixed(digits)
const deliveryColumns = [
  ['us/delivery', (r) => fixed(r.us_per_delivery)],
  ['p50 ms', (r) => fixed(r.ms?.p50)],
  ['p95 ms', (r) => fixed(r.ms?.p95)],
  ['p99 ms', (r) => fixed(r.ms?.p99)],
  ['CPU', (r) => `${fixed(100 * r.server_cpu_share, 0)} %`],
  ['RSS MB', (r) => fixed(r.rss_mb, 0)],
  ['generator', (r) => `${fixed(100 * r.generator_cpu_share, 0)} %`]
]

/** By name: the title, what runs it, its columns, the column that ratios are of, and the goal. */
const scenarios = {
  editors: {
    title: '50 editors in one document, 5 characters/s each',
    run: against('editors', { clients: 50, rate: 5 }, { document: 'bench' }),
    columns: deliveryColumns,
    main: 'us_per_delivery',
    goal: '<= 3 us, p95 no higher than the rivals\''
  },
  awareness: {
    title: '50 cursors, 10 moves/s each',
    run: against('awareness', { clients: 50, rate: 10 }),
    columns: deliveryColumns.map(([name, show]) => [name === 'us/delivery' ? 'us/state' : name, show]),
    main: 'us_per_delivery',
    goal: '<= 1.5 us, p95 <= 50 ms'
  },
  readers: {
    title: '1 writer, 500 readers, 20 updates/s',
    run: against('readers', { clients: 501, rate: 20 }, { document: 'bench' }),
    columns: [...deliveryColumns, ['last p95 ms', (r) => fixed(r.last_reader_ms?.p95)]],
    main: 'us_per_delivery',
    goal: '<= 2.5 us, last reader p95 <= 4 ms'
  },
  documents: {
    title: '1,000 documents x 2 clients, 1 edit/s each, with a store',
    run: against('documents', { clients: 2, documents: 1000, rate: 1 }, { stored: true, document: 'bench0' }),
    columns: [['us/edit', (r) => fixed(r.us_per_edit, 1)], ...deliveryColumns.slice(1)],
    main: 'us_per_edit',
    goal: '<= 45 us, <= 60 MB'
  },
  join: {
    title: '500 clients join the automerge-paper document',
    run: async (context, name) => {
      const server = await fresh(context, name)
      const result = await load(server, 'join', { clients: 500, state: paper(context) })
      await server.stop()
      return result
    },
    columns: [
      ['CPU ms/join', (r) => fixed(r.cpu_ms_per_join)],
      ['all ms', (r) => fixed(r.all_ms, 0)],
      ['RSS MB', (r) => fixed(r.rss_mb, 0)],
      ['peak MB', (r) => fixed(r.rss_peak_mb, 0)],
      ['generator', (r) => `${fixed(100 * r.generator_cpu_share, 0)} %`]
    ],
    main: 'cpu_ms_per_join',
    goal: '<= 0.3 ms'
  },
  idle: {
    title: '5,000 idle connections, each on a document of its own',
    run: async (context, name) => {
      const server = await fresh(context, name)
      const result = await load(server, 'idle', { documents: 5000, seconds: 10 })
      await server.stop()
      return result
    },
    columns: [
      ['KB each', (r) => fixed(r.kb_each, 1)],
      ['after they left', (r) => fixed(r.kb_each_left, 1)],
      ['anonymous', (r) => fixed(r.kb_each_anon, 1)],
      ['after they left', (r) => fixed(r.kb_each_left_anon, 1)],
      ['CPU ms/connect', (r) => fixed(r.cpu_ms_per_connect, 2)],
      ['CPU idle', (r) => `${fixed(100 * r.idle_cpu_share, 1)} %`]
    ],
    main: 'kb_each',
    goal: '<= 6 KB each, returned after they leave'
  },
  load: {
    title: 'the automerge-paper document after a restart, median of 5',
    without: ['relay', 'bare'],
    run: async (context, name) => {
      const server = await fresh(context, name, true)
      const state = paper(context)
      await load(server, 'fill', { state })
      await sleep(3000) // Hocuspocus stores 2 s after the last edit.
      const runs = []
      for (let i = 0; i < 5; ++i) {
        await server.stop()
        await server.start()
        runs.push(await load(server, 'open', { state }))
      }
      await server.stop()
      return { first_ms: median(runs.map((run) => run.first_ms)), complete_ms: median(runs.map((run) => run.complete_ms)), runs }
    },
    columns: [['first answer ms', (r) => fixed(r.first_ms, 1)], ['whole ms', (r) => fixed(r.complete_ms, 1)]],
    main: 'complete_ms',
    goal: '<= 15 ms'
  },
  crash: {
    title: '120 edits in 2.4 s, kill -9 0.3 s after the last',
    without: ['relay', 'bare'],
    run: async (context, name) => {
      const server = await fresh(context, name, true)
      const result = await load(server, 'crash', { rate: 50, edits: 120, directory: context.directory })
      await server.restartAlone()
      const { held } = await load(server, 'held', { client: result.client })
      await server.stop()
      return { ...result, held, lost: result.edits - held, acknowledged_lost: Math.max(0, result.acknowledged - held) }
    },
    columns: [
      ['acknowledged', (r) => `${r.acknowledged}`],
      ['lost', (r) => `${r.lost}`],
      ['lost of those', (r) => `${r.acknowledged_lost}`],
      ['acknowledged p50 ms', (r) => fixed(r.acknowledged_ms?.p50)],
      ['p95 ms', (r) => fixed(r.acknowledged_ms?.p95)],
      ['bare fsync p50 ms', (r) => fixed(r.bare_write_ms?.p50)],
      ['p95 ms', (r) => fixed(r.bare_write_ms?.p95)]
    ],
    goal: '0 lost that were acknowledged, acknowledged p95 within one fsync + 20 ms'
  },
  stalled: {
    title: 'one reader of six stalls while each is sent 100 MB',
    without: ['relay', 'bare'],
    run: async (context, name, args) => ({
      ...(await against('stalled', { clients: 5, rate: 100 })(context, name, args)),
      nobody: await against('stalled', { clients: 5, rate: 100, stalls: false })(context, name, args)
    }),
    columns: [
      ['RSS + MB', (r) => fixed(r.rss_added_mb, 1)],
      ['nobody stalled', (r) => fixed(r.nobody.rss_added_mb, 1)],
      ['anonymous + MB', (r) => fixed(r.anon_added_mb, 1)],
      ['nobody stalled', (r) => fixed(r.nobody.anon_added_mb, 1)],
      ['RSS left', (r) => fixed(r.rss_left_mb, 1)],
      ['others p95 ms', (r) => fixed(r.others_ms?.p95)],
      ['before', (r) => fixed(r.others_before_ms?.p95)],
      ['recovered', (r) => r.recovered ? `${fixed(r.recovered_ms, 0)} ms` : 'no'],
      ['messages', (r) => `${r.messages_to_recover}`],
      ['MB', (r) => fixed(r.mb_to_recover, 1)]
    ],
    main: 'rss_added_mb',
    goal: '<= 8 MB, others unaffected, recovered with one diff'
  }
}

/** The floor of the machine: a send() to each of so many connections, and nothing else. */
async function sendFloor (context) {
  for (const [connections, bytes] of [[49, 40], [500, 40], [49, 120]]) {
    const { stdout } = await execute('taskset', ['-c', serverCore, path.join(bin, 'bridge_bare'), 'send', connections, bytes, loadCore])
    context.figure(`one send() of ${bytes} bytes, to ${connections}`, `${JSON.parse(stdout).us_per_send.toFixed(2)} us`)
  }
}

function show (context, { title, columns, main, goal }, results) {
  const rivals = ['y-websocket', 'hocuspocus'].map((name) => results[name]?.[main]).filter(Boolean)
  const best = Math.min(...rivals)
  const rows = Object.entries(results).map(([name, result]) => [
    name,
    ...(result.error ? [`failed: ${result.error}`] : columns.map(([, value]) => value(result))),
    ...(result.error || rivals.length === 0 || main === undefined ? [] : [`x ${(result[main] / best).toFixed(2)}`])
  ])
  const head = ['', ...columns.map(([name]) => name), 'of the best rival']
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row.length === head.length ? row[i].length : 0), i === 0 ? 12 : 0))
  context.log(`\n${title}   (goal: ${goal}; load average ${loadavg()[0].toFixed(1)})`)
  for (const row of [head, ...rows]) context.log(`  ${row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i] ?? 0)).join('  ')}`)
}

// The disk that is measured, not a file system in memory.
process.env.TMPDIR ??= path.join(root, 'build')
const listed = { type: 'string' }
await scenario({ only: listed, servers: listed, seconds: number, json: listed }, async (context) => {
  needBinary()
  if (availableParallelism() < 2) throw new Skipped('two cores are needed: one for the server, one for the load')
  const { seconds = 10 } = context.args
  const chosen = (given, all) => {
    for (const name of given?.split(',') ?? []) if (!all.includes(name)) throw new Error(`there is no ${name}: ${all.join(', ')}`)
    return given?.split(',') ?? all
  }
  const servers = chosen(context.args.servers, Object.keys(makers))
  const all = {}
  let failed = 0
  if (context.args.only === undefined) await sendFloor(context)
  for (const name of chosen(context.args.only, Object.keys(scenarios))) {
    const one = scenarios[name]
    const results = {}
    for (const server of servers.filter((each) => !one.without?.includes(each))) {
      try {
        results[server] = await one.run(context, server, { seconds })
      } catch (error) {
        results[server] = { error: (error.stderr || error.message).trim() }
        failed += 1
      }
    }
    show(context, one, results)
    all[name] = results
  }
  if (context.args.json) writeFileSync(context.args.json, JSON.stringify(all, null, 1))
  if (failed > 0) throw new Error(`${failed} of the measurements failed`)
})
