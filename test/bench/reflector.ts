/**
 * What it costs to read 50,000 EndpointSlices: run by bench.ts in a process of its own, with the flags of the real
 * program, against a fake API server in another process. Prints its figures as JSON.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { createStore } from '../../src/cluster/state.ts'
import { createReflector } from '../../src/kube/reflector.ts'
import { watchedResources } from '../../src/kube/resources.ts'
import { clientOf } from '../support/reflecting.ts'
import { manySlices } from './slices.ts'

export type ReflectorFigures = {
  readonly slices: number
  readonly endpoints: number
  readonly listMs: number
  /** The longest time that nothing else got its turn, milliseconds: during the first list, and during a second one of the same. */
  readonly longestHoldMs: number
  readonly longestHoldAgainMs: number
  /** Bytes. */
  readonly emptyMemory: number
  readonly peakMemory: number
  readonly peakMemoryAgain: number
  readonly heapAfterwards: number
}

const SLICES = 50_000
const ENDPOINTS = 10
const TICK_MS = 5

if (process.argv[2] === 'server') await manySlices(SLICES, ENDPOINTS)
else console.log(JSON.stringify(await measure()))

async function measure(): Promise<ReflectorFigures> {
  const server = fork(import.meta.filename, ['server'])
  try {
    const [url] = (await once(server, 'message')) as [string]
    const client = clientOf(url)
    const emptyMemory = process.memoryUsage().rss
    const first = await listOnce()
    return {
      slices: first.count,
      endpoints: ENDPOINTS,
      listMs: first.listMs,
      longestHoldMs: first.longestHoldMs,
      longestHoldAgainMs: first.longestHoldAgainMs,
      emptyMemory,
      peakMemory: first.peakMemory,
      peakMemoryAgain: first.peakMemoryAgain,
      heapAfterwards: first.heap,
    }

    async function listOnce() {
      const store = createStore()
      const stop = new AbortController()
      const holds = watchHolds()
      const listed = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      let lists = 0
      const start = performance.now()
      const reflector = createReflector(
        watchedResources(undefined, false).EndpointSlice,
        {
          set: (object) => void store.set(object),
          delete: (key) => void store.delete('EndpointSlice', key),
          listed: () => listed[lists++]?.resolve(),
          trouble: (_, found) => {
            if (found !== undefined) throw new Error(found.message)
          },
        },
        {
          client,
          notice: (notice) => {
            if (notice.kind === 'failed') console.error(notice.error)
          },
          now: () => performance.now(),
          random: Math.random,
          settings: { relistBackoff: { firstMs: 1, longestMs: 1 } },
        },
      )
      const running = reflector.run(stop.signal)
      await listed[0]?.promise
      store.snapshot()
      const listMs = performance.now() - start
      await sleep(50)
      const longestHoldMs = holds.longest()
      const peakMemory = peakOfResident()
      // The server answers its first watch with 410, so that everything is listed again.
      await listed[1]?.promise
      await sleep(50)
      const longestHoldAgainMs = holds.longest()
      const peakMemoryAgain = peakOfResident()
      holds.stop()
      stop.abort()
      await running
      global.gc?.()
      const count = [...store.snapshot().endpointSlices.values()].flat().length
      return { count, listMs, longestHoldMs, longestHoldAgainMs, peakMemory, peakMemoryAgain, heap: process.memoryUsage().heapUsed }
    }
  } finally {
    server.kill()
  }
}

function peakOfResident(): number {
  return process.resourceUsage().maxRSS * 1024
}

/** A timer that is late says how long the loop was held. `longest` gives that since it was last asked. */
function watchHolds() {
  let last = performance.now()
  let longest = 0
  const timer = setInterval(() => {
    const now = performance.now()
    longest = Math.max(longest, now - last - TICK_MS)
    last = now
  }, TICK_MS)
  return {
    longest() {
      const result = longest
      longest = 0
      return result
    },
    stop: () => clearInterval(timer),
  }
}
