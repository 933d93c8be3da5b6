// The servers that are measured, each a process of its own on core 0; the load comes from core 1.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { formTeam, freePort, linked, Node } from '../../tests/e2e/lib/nodes.mjs'
import { root, until } from '../../tests/e2e/lib/scenario.mjs'

export const serverCore = '0'
export const loadCore = '1'
export const bin = path.join(root, 'build/release/bin')
const here = path.dirname(fileURLToPath(import.meta.url))
const workspace = 'demo'

const listens = (port) =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

/** A program that serves on a port. `command(port, directory)` gives its arguments and environment. */
class Program {
  protocol = 'y-websocket'
  path = '/'
  prefix = ''
  keeps = true
  #child = null

  constructor (context, name, command) {
    this.context = context
    this.name = name
    this.command = command
    this.directory = path.join(context.directory, `${name}-${context.random.below(1e9)}`)
    mkdirSync(this.directory)
    context.defer(() => this.stop('SIGKILL'))
  }

  get pid () { return this.#child.pid }

  async start () {
    this.port ??= await freePort()
    const { args, env = {} } = this.command(this.port, this.directory)
    const log = openSync(path.join(this.directory, 'log'), 'a')
    this.#child = spawn('taskset', ['-c', serverCore, ...args], {
      stdio: ['ignore', log, log],
      env: { ...process.env, NODE_ENV: 'production', ...env }
    })
    closeSync(log)
    await until(`${this.name} listens`, () => listens(this.port), { everyMs: 5 })
  }

  /** After somebody killed it. */
  async restartAlone () {
    await this.stop('SIGKILL')
    await this.start()
  }

  async stop (signal = 'SIGTERM') {
    const child = this.#child
    this.#child = null
    if (child === null) return
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      child.kill(signal)
      await exited
    }
  }
}

/** A node of a team of two, whose other half replicates all of it and is not counted. */
class Coterie {
  protocol = 'y-websocket'
  path = '/sync/'
  prefix = `${workspace}/`
  keeps = true

  constructor (context) {
    const suffix = context.random.below(1e9)
    this.node = new Node(context, `server-${suffix}`, { prefix: ['taskset', '-c', serverCore] })
    // Beside the load, but never before it, also where all of this is run at a priority of its own.
    this.peer = new Node(context, `peer-${suffix}`, { prefix: ['chrt', '--other', '0', 'nice', '-n', '19', 'taskset', '-c', loadCore] })
  }

  get pid () { return this.node.pid }
  get port () { return this.node.bridgePort }
  get directory () { return this.node.data }

  async start () {
    if (this.node.meshPort === undefined) return formTeam([this.node, this.peer], workspace)
    for (const one of [this.peer, this.node]) await one.start()
    await linked([this.node, this.peer], workspace)
  }

  /** Waits until the other node holds the document, too. */
  async replicated (document) {
    await until('the other node holds the same', async () => {
      const [here, there] = await Promise.all([this.node, this.peer].map((one) => one.stateVector(workspace, document)))
      return here === there
    })
  }

  async stop () {
    await this.node.stop()
    await this.peer.stop()
  }

  /** After somebody killed it, and without the other node, which could give back what was lost. */
  async restartAlone () {
    await this.peer.stop()
    await until('the node has ended', () => this.node.pid === undefined)
    await this.node.start()
  }
}

/** By name; `stored` where the scenario is about what is kept on the disk. */
export const makers = {
  coterie: (context) => new Coterie(context),
  'coterie-hocuspocus': (context) => Object.assign(new Coterie(context), { protocol: 'hocuspocus', path: '/hocuspocus' }),
  'y-websocket': (context, stored) => new Program(context, 'y-websocket', (port, directory) => ({
    args: [process.execPath, path.join(here, 'node_modules/@y/websocket-server/src/server.js')],
    env: { HOST: '127.0.0.1', PORT: port, ...(stored ? { YPERSISTENCE: path.join(directory, 'store') } : {}) }
  })),
  hocuspocus: (context, stored) => Object.assign(new Program(context, 'hocuspocus', (port, directory) => ({
    args: [process.execPath, path.join(here, 'hocuspocus.mjs'), port, ...(stored ? [path.join(directory, 'store')] : [])]
  })), { protocol: 'hocuspocus' }),
  relay: (context) => Object.assign(new Program(context, 'relay', (port) => ({
    args: [process.execPath, path.join(here, 'relay.mjs'), port]
  })), { keeps: false }),
  bare: (context) => Object.assign(new Program(context, 'bare', (port) => ({
    args: [path.join(bin, 'bridge_bare'), 'relay', port]
  })), { keeps: false })
}
