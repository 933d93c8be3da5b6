// One step of a rival's store, in a process of its own: prints what it took as JSON.
//
//   node rival.mjs y-leveldb|hocuspocus|leveldb  type|load|commits  DIR  [UPDATES]

import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import * as decoding from 'lib0/decoding'
import * as Y from 'yjs'

const [store, step, dir, updatesFile] = process.argv.slice(2)
const name = 'paper'
const gapMs = 150 // Between keystrokes, as directory_bench has it.
const hocuspocusMaxDebounceMs = 10_000 // Its default: somebody who types without pause is saved so often.

const readUpdates = () => {
  const updates = []
  const decoder = decoding.createDecoder(readFileSync(updatesFile))
  while (decoding.hasContent(decoder)) updates.push(decoding.readVarUint8Array(decoder))
  return updates
}

/**
 * Milliseconds of `count` calls, and of as many bare fsyncs in turn with them, so that both see the
 * same disk: {median, p99, perSecond, floorMedian, floorP99}.
 */
const times = async (count, action) => {
  const fd = openSync(join(dir, 'floor'), 'w')
  const value = Buffer.alloc(400, 7)
  const all = []
  const floor = []
  for (let i = 0; i < count; ++i) {
    const start = performance.now()
    await action(i)
    const done = performance.now()
    writeSync(fd, value)
    fsyncSync(fd)
    all.push(done - start)
    floor.push(performance.now() - done)
  }
  closeSync(fd)
  for (const list of [all, floor]) list.sort((a, b) => a - b)
  const at = (list, share) => list[Math.floor((count - 1) * share)]
  return {
    median: at(all, 0.5),
    p99: at(all, 0.99),
    perSecond: 1000 * count / all.reduce((a, b) => a + b),
    floorMedian: at(floor, 0.5),
    floorP99: at(floor, 0.99)
  }
}

// Before anything is measured.
const { LeveldbPersistence } = store === 'y-leveldb' ? await import('y-leveldb') : {}
const { SQLite } = store === 'hocuspocus' ? await import('@hocuspocus/extension-sqlite') : {}
const { Level } = store === 'leveldb' ? await import('level') : {}

const openLevel = () => new LeveldbPersistence(join(dir, 'y-leveldb'))
const openHocuspocus = async () => {
  const extension = new SQLite({ database: join(dir, 'hocuspocus.sqlite') })
  await extension.onConfigure({})
  return extension
}

const steps = {
  'y-leveldb': {
    type: async () => {
      const level = openLevel()
      for (const update of readUpdates()) await level.storeUpdate(name, update)
      await level.destroy()
    },
    load: async () => {
      const start = performance.now()
      const level = openLevel()
      const state = Y.encodeStateAsUpdate(await level.getYDoc(name))
      const ms = performance.now() - start
      await level.destroy()
      return { ms, bytes: state.length }
    },
    commits: async () => {
      const level = openLevel()
      const update = readUpdates()[0]
      const took = await times(1000, () => level.storeUpdate('commits', update))
      await level.destroy()
      return took
    }
  },
  // LevelDB as it would have to be used for the same promise.
  leveldb: {
    commits: async () => {
      const level = new Level(join(dir, 'leveldb'), { valueEncoding: 'binary' })
      await level.open()
      const value = Buffer.alloc(400, 7)
      const took = await times(1000, (i) => level.put(String(1e9 + i), value, { sync: true }))
      await level.close()
      return took
    }
  },
  hocuspocus: {
    type: async () => {
      const extension = await openHocuspocus()
      const doc = new Y.Doc()
      const updates = readUpdates()
      const perStore = hocuspocusMaxDebounceMs / gapMs
      let stores = 0
      const save = async () => {
        await extension.configuration.store({ documentName: name, state: Buffer.from(Y.encodeStateAsUpdate(doc)) })
        stores += 1
      }
      for (let i = 0; i < updates.length; ++i) {
        Y.applyUpdate(doc, updates[i])
        if (i % perStore < 1) await save()
      }
      await save()
      extension.db.close()
      return { stores }
    },
    load: async () => {
      const start = performance.now()
      const extension = await openHocuspocus()
      const doc = new Y.Doc()
      Y.applyUpdate(doc, await extension.configuration.fetch({ documentName: name }))
      const state = Y.encodeStateAsUpdate(doc)
      const ms = performance.now() - start
      extension.db.close()
      return { ms, bytes: state.length }
    }
  }
}

const result = await steps[store][step]()
console.log(JSON.stringify(result ?? {}))
