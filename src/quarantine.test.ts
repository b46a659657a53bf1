import { beforeEach, describe, expect, test } from '@jest/globals'
import { type IngressBuilder, ingress } from '../test/support/objects.ts'
import { put, storeOf } from '../test/support/state.ts'
import type { ClusterState } from './cluster/state.ts'
import { createQuarantine, type Quarantine, Undecided } from './quarantine.ts'

const FAULT = { verdict: 'NGINX refuses the configuration with it', complaint: 'a fault', suspect: undefined }
const SETTINGS = [{}]

let quarantine: Quarantine
/** How many states have been judged. */
let judged = 0

beforeEach(() => {
  quarantine = createQuarantine()
  applied(stateOf())
  judged = 0
})

const web = (name: string) => ingress(name).host(`${name}.test`).prefix('/', 'web')
const bad = (name: string) => web(name).annotation('nginx-ts.io/bad', 'true')
const many = (count: number, name = 'web') => Array.from({ length: count }, (_, index) => web(`${name}-${index}`))
const stateOf = (...objects: readonly IngressBuilder[]) => storeOf(...objects).snapshot()

function judge(isGood: (state: ClusterState) => boolean) {
  return async (state: ClusterState) => {
    judged += 1
    return isGood(state)
  }
}

const hasNoBad = judge(({ ingresses }) => [...ingresses.values()].every(({ annotations }) => !('nginx-ts.io/bad' in annotations)))
const isEmpty = judge(({ ingresses }) => ingresses.size === 0)
const hasNoA = judge(({ ingresses }) => !ingresses.has('default/a'))
const applied = (state: ClusterState) => quarantine.applyTo(state, SETTINGS)
const accept = (state: ClusterState) => {
  applied(state)
  quarantine.accept(state)
}
const annotationsOf = (state: ClusterState, name: string) => applied(state).ingresses.get(`default/${name}`)?.annotations
const blamed = (state: ClusterState) => quarantine.issues(state).map(({ object }) => object?.name)

describe('the culprit', () => {
  test('is found among many, and answers 503 while the others are as they were', async () => {
    const state = stateOf(...many(500), bad('culprit'))
    expect(await quarantine.isolate(state, FAULT, hasNoBad)).toBe(true)
    expect(judged).toBeLessThan(20)
    expect(blamed(state)).toEqual(['culprit'])
    const { ingresses } = applied(state)
    expect(ingresses.get('default/culprit')).toMatchObject({ isClosed: true, annotations: {} })
    expect(ingresses.get('default/web-7')).toBe(state.ingresses.get('default/web-7'))
    expect(ingresses.size).toBe(501)
    expect(quarantine.issues(state)).toMatchObject([
      {
        code: 'configuration-refused',
        message: 'NGINX refuses the configuration with it: a fault; its paths answer 503 until it is changed',
      },
    ])
  })

  test('may be several', async () => {
    const state = stateOf(...many(50), bad('one'), bad('two'), bad('three'))
    expect(await quarantine.isolate(state, FAULT, hasNoBad)).toBe(true)
    expect(blamed(state).sort()).toEqual(['one', 'three', 'two'])
    for (const { message } of quarantine.issues(state)) expect(message).not.toContain('a fault')
  })

  test('is nobody where it is not good without all of them either', async () => {
    const state = stateOf(...many(50))
    expect(await quarantine.isolate(state, FAULT, async () => false)).toBe(false)
    expect(applied(state)).toBe(state)
    expect(quarantine.issues(state)).toEqual([])
  })

  test('is one too many where only their number is a fault', async () => {
    const state = stateOf(...many(10))
    expect(
      await quarantine.isolate(
        state,
        FAULT,
        judge(({ ingresses }) => [...ingresses.values()].filter(isOpen).length <= 7),
      ),
    ).toBe(true)
    expect(blamed(state)).toHaveLength(3)
  })

  test('is looked for first where NGINX points, then among what has changed, then among all', async () => {
    const [old, changed] = [[...many(100), bad('old')], web('changed')]
    accept(stateOf(...old))
    const state = storeOf(...old, changed).snapshot()
    expect(await quarantine.isolate(state, { ...FAULT, suspect: 'default/old' }, hasNoBad)).toBe(true)
    expect(judged).toBeLessThan(8)
    expect(blamed(state)).toEqual(['old'])
  })

  test('among what has changed costs the same, however many there are', async () => {
    const store = storeOf(...many(500))
    accept(store.snapshot())
    put(store, bad('new'))
    expect(await quarantine.isolate(store.snapshot(), FAULT, hasNoBad)).toBe(true)
    expect(judged).toBeLessThan(6)
  })

  test('is nobody by other settings than those that all were taken by', async () => {
    const store = storeOf(...many(50))
    accept(store.snapshot())
    quarantine.applyTo(store.snapshot(), [{}])
    expect(await quarantine.isolate(store.snapshot(), FAULT, isEmpty)).toBe(false)
    expect(judged).toBe(0)
    put(store, bad('new'))
    expect(await quarantine.isolate(store.snapshot(), FAULT, isEmpty)).toBe(false)
  })

  test('is nobody where too many are concerned', async () => {
    const everywhere = Array.from({ length: 300 }, (_, index) => web(`web-${index}`).namespace(`namespace-${index % 30}`))
    const state = stateOf(...everywhere)
    expect(
      await quarantine.isolate(
        state,
        FAULT,
        judge(({ ingresses }) => ![...ingresses.values()].some(isOpen)),
      ),
    ).toBe(false)
    expect(judged).toBeLessThan(700)
    expect(applied(state)).toBe(state)
  })

  test('is one that has changed, where NGINX names an old one on whose host it is', async () => {
    const store = storeOf(web('victim'))
    accept(store.snapshot())
    put(store, bad('attacker'))
    await quarantine.isolate(store.snapshot(), { ...FAULT, suspect: 'default/victim' }, hasNoBad)
    expect(blamed(store.snapshot())).toEqual(['attacker'])
  })

  test('is not told where judgements contradict each other', async () => {
    const state = stateOf(...many(4))
    let answers = [true, false, true, true, false]
    const isFickle = async () => answers.shift() ?? false
    await expect(quarantine.isolate(state, FAULT, isFickle)).rejects.toThrow(Undecided)
    answers = [true, true]
    expect(await quarantine.isolate(state, FAULT, isFickle)).toBe(true)
    expect(quarantine.issues(state)).toEqual([])
  })

  test('of a crowd takes the rest of its namespace along, and nobody of another', async () => {
    const crowd = Array.from({ length: 200 }, (_, index) => bad(`crowd-${index}`).namespace('hostile'))
    const state = stateOf(...many(50), ...crowd)
    expect(await quarantine.isolate(state, FAULT, hasNoBad)).toBe(true)
    expect(judged).toBeLessThan(250)
    expect(quarantine.issues(state).every(({ object }) => object?.namespace === 'hostile')).toBe(true)
    expect(await hasNoBad(applied(state))).toBe(true)
  })
})

describe('what stands in for it', () => {
  test('keeps its paths, and loses what it says beside them', async () => {
    const kept = { 'nginx.ingress.kubernetes.io/use-regex': 'true', 'kubernetes.io/ingress.class': 'nginx-ts' }
    const state = stateOf(bad('a').annotations({ ...kept, 'nginx-ts.io/auth-type': 'basic' }))
    await quarantine.isolate(state, FAULT, hasNoBad)
    expect(annotationsOf(state, 'a')).toEqual(kept)
  })

  test('is nothing where its paths are the fault', async () => {
    const state = stateOf(...many(3), bad('a'))
    await quarantine.isolate(state, FAULT, hasNoA)
    expect(applied(state).ingresses.has('default/a')).toBe(false)
    expect(quarantine.issues(state)).toMatchObject([{ message: expect.stringContaining('it is left out until it is changed') }])
  })

  test('is nothing for a canary, whose paths are those of another', async () => {
    const state = stateOf(...many(3), bad('a').annotation('nginx-ts.io/canary', 'true'))
    await quarantine.isolate(state, FAULT, hasNoBad)
    expect(applied(state).ingresses.has('default/a')).toBe(false)
  })

  test('keeps the paths of one, where those of another are the fault', async () => {
    const state = stateOf(...many(3), bad('paths'), bad('annotation'))
    await quarantine.isolate(
      state,
      FAULT,
      judge(
        ({ ingresses }) =>
          !ingresses.has('default/paths') && ingresses.get('default/annotation')?.annotations['nginx-ts.io/bad'] === undefined,
      ),
    )
    expect(applied(state).ingresses.has('default/paths')).toBe(false)
    expect(applied(state).ingresses.get('default/annotation')).toMatchObject({ isClosed: true })
  })

  test('keeps the paths of one that says that it is no canary', async () => {
    const state = stateOf(bad('a').annotation('nginx-ts.io/canary', 'false'))
    await quarantine.isolate(state, FAULT, hasNoBad)
    expect(annotationsOf(state, 'a')).toEqual({})
  })

  test('goes where it becomes a fault itself', async () => {
    const state = stateOf(...many(3), bad('a'))
    await quarantine.isolate(state, FAULT, hasNoBad)
    expect(applied(state).ingresses.has('default/a')).toBe(true)
    expect(await quarantine.isolate(state, FAULT, hasNoA)).toBe(true)
    expect(applied(state).ingresses.has('default/a')).toBe(false)
  })

  test('goes by other settings, which may be what was wrong', async () => {
    const state = stateOf(...many(3), bad('a'))
    await quarantine.isolate(state, FAULT, hasNoBad)
    expect(quarantine.applyTo(state, [{}])).toBe(state)
  })

  test('goes when the Ingress is changed, and the same state gives the same', async () => {
    const store = storeOf(...many(3), bad('a'))
    await quarantine.isolate(store.snapshot(), FAULT, hasNoBad)
    const { ingresses } = applied(store.snapshot())
    expect(applied(store.snapshot()).ingresses).toBe(ingresses)
    put(store, web('a'))
    expect(applied(store.snapshot()).ingresses).toEqual(store.snapshot().ingresses)
    expect(quarantine.issues(store.snapshot())).toEqual([])
  })
})

function isOpen({ isClosed }: { readonly isClosed?: true }): boolean {
  return isClosed !== true
}
