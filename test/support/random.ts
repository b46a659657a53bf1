/** Chance that can be had again: a seed, printed, and numbers that follow from it. */
import { randomInt } from 'node:crypto'

/** The seed of the environment, or a new one. */
export function chooseSeed(): number {
  return Number(process.env['NGINX_TS_SEED'] ?? randomInt(2 ** 31))
}

/** Numbers from 0 to below 1 (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
