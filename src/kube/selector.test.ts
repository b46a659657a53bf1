import { expect, test } from '@jest/globals'
import { parseLabelSelector, selects } from './selector.ts'

const selected = (text: string, labels: Record<string, string>) => {
  const parsed = parseLabelSelector(text)
  if (!parsed.ok) throw new Error(parsed.reason)
  return selects(parsed.value, labels)
}

test.each([
  ['', {}, true],
  ['team=web', { team: 'web' }, true],
  ['team==web', { team: 'web' }, true],
  ['team = web', { team: 'ops' }, false],
  ['team=web', {}, false],
  ['team=', { team: '' }, true],
  ['team!=web', { team: 'ops' }, true],
  ['team!=web', { team: 'web' }, false],
  ['team!=web', {}, true],
  ['env in (prod, test)', { env: 'test' }, true],
  ['env in (prod, test)', { env: 'dev' }, false],
  ['env in (prod)', {}, false],
  ['env notin (prod,test)', { env: 'dev' }, true],
  ['env notin (prod,test)', {}, true],
  ['env notin (prod)', { env: 'prod' }, false],
  ['team', { team: '' }, true],
  ['team', {}, false],
  ['!team', {}, true],
  ['!team', { team: 'web' }, false],
  ['kubernetes.io/metadata.name=shop', { 'kubernetes.io/metadata.name': 'shop' }, true],
  ['team=web,env in (prod,test),!hidden', { team: 'web', env: 'prod' }, true],
  ['team=web,env in (prod,test),!hidden', { team: 'web', env: 'prod', hidden: '' }, false],
  ['constructor', {}, false],
] as const)('%s on %j: %s', (text, labels, expected) => {
  expect(selected(text, labels)).toBe(expected)
})

test.each(['=web', 'team=we b', 'team in prod', 'team in (a', 'team in (a))', 'a,,b', 'team~web', 'team=-', '!', 'a b', '!team=web', '/x'])(
  '%s is refused',
  (text) => {
    expect(parseLabelSelector(text)).toEqual({ ok: false, reason: expect.stringContaining('is no requirement') })
  },
)
