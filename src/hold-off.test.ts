import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createHoldOff, type HoldOff } from './hold-off.ts'

const QUIET_MS = 10
const LONGEST_MS = 50
/** The clock moves only when a test moves it. Asked so often in vain, the hold-off is taken to go on waiting. */
const VAIN_LOOKS = 5

describe('the hold-off', () => {
  let clock: number
  let looked: () => void
  let holdOff: HoldOff<string>
  let ended: AbortController

  beforeEach(() => {
    clock = 1000
    looked = () => {}
    ended = new AbortController()
    holdOff = createHoldOff(QUIET_MS, LONGEST_MS, () => {
      looked()
      return clock
    })
  })
  afterEach(() => ended.abort(new Error('the test is over')))

  /** Resolves once the hold-off has asked for the time so often since now. */
  async function looks(count: number): Promise<void> {
    const enough = Promise.withResolvers<void>()
    let left = count
    looked = () => {
      left -= 1
      if (left === 0) enough.resolve()
    }
    await enough.promise
  }

  /** What has settled so far; undefined for nothing yet. */
  function watchSettled() {
    const seen: { changes: readonly string[] | undefined } = { changes: undefined }
    const settled = holdOff.settled(ended.signal).then((changes) => {
      seen.changes = changes
      return changes
    })
    settled.catch(() => {})
    return { seen, settled }
  }

  test('a change waits until it has been quiet for long enough', async () => {
    holdOff.add('one')
    clock += QUIET_MS - 1
    const { seen, settled } = watchSettled()
    await looks(VAIN_LOOKS)
    expect(seen.changes).toBeUndefined()
    clock += 1
    expect(await settled).toEqual(['one'])
  })

  test('each change begins the silence anew, and all come together in their order', async () => {
    holdOff.add('one')
    const { seen, settled } = watchSettled()
    await looks(VAIN_LOOKS)
    clock += QUIET_MS - 1
    holdOff.add('two')
    clock += QUIET_MS - 1
    await looks(VAIN_LOOKS)
    expect(seen.changes).toBeUndefined()
    clock += 1
    expect(await settled).toEqual(['one', 'two'])
  })

  test('changes without end hold the first one up for the longest time only', async () => {
    const { seen, settled } = watchSettled()
    const end = clock + LONGEST_MS
    holdOff.add('first')
    while (clock + QUIET_MS - 1 < end) {
      clock += QUIET_MS - 1
      holdOff.add('next')
    }
    clock = end - 1
    holdOff.add('next')
    await looks(VAIN_LOOKS)
    expect(seen.changes).toBeUndefined()
    clock = end
    holdOff.add('last')
    const changes = await settled
    expect(changes.at(0)).toBe('first')
    expect(changes.at(-1)).toBe('last')
  })

  test('a change that comes while nobody waits is kept', async () => {
    holdOff.add('early')
    clock += QUIET_MS
    expect(await holdOff.settled(ended.signal)).toEqual(['early'])
  })

  test('no change is given twice, and the longest time counts anew', async () => {
    holdOff.add('one')
    clock += LONGEST_MS
    expect(await holdOff.settled(ended.signal)).toEqual(['one'])
    const { seen, settled } = watchSettled()
    holdOff.add('two')
    await looks(VAIN_LOOKS)
    expect(seen.changes).toBeUndefined()
    clock += QUIET_MS
    expect(await settled).toEqual(['two'])
  })

  test.each([
    ['before it waits', []],
    ['while it holds a change off', ['one']],
  ])('an aborted signal ends it: %s', async (_when, changes) => {
    for (const change of changes) holdOff.add(change)
    ended.abort(new Error('enough'))
    await expect(holdOff.settled(ended.signal)).rejects.toThrow()
  })

  test('a signal that aborts during the wait ends it, and the changes stay for the next', async () => {
    const idle = holdOff.settled(ended.signal)
    ended.abort(new Error('enough'))
    await expect(idle).rejects.toThrow('enough')

    ended = new AbortController()
    holdOff.add('one')
    const holding = holdOff.settled(ended.signal)
    ended.abort(new Error('enough'))
    await expect(holding).rejects.toThrow()

    clock += QUIET_MS
    expect(await holdOff.settled(new AbortController().signal)).toEqual(['one'])
  })
})
