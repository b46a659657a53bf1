import { describe, expect, test } from '@jest/globals'
import { describeIssue, describeObject, type Issue, issue, issueCodes, printable } from './issue.ts'

const web = { kind: 'Ingress', namespace: 'shop', name: 'web' }

describe('printable', () => {
  test.each([
    ['a\nb\r\tc', 'a\\u000ab\\u000d\\u0009c'],
    ['\u0000\u001b[2J\u007f\u0085', '\\u0000\\u001b[2J\\u007f\\u0085'],
    ['\u2028\u2029', '\\u2028\\u2029'],
    ['\u202egnp\u2066', '\\u202egnp\\u2066'],
    ['a\u200bb\ufeff', 'a\\u200bb\\ufeff'],
    ['\ud800', '\\ud800'],
    ['bücher 漢 😀', 'bücher 漢 😀'],
    ['', ''],
  ])('%j comes out as %j', (text, expected) => {
    expect(printable(text)).toBe(expected)
  })

  test('keeps 256 characters, and of more the beginning and the end', () => {
    expect(printable('a'.repeat(256))).toBe('a'.repeat(256))
    const cut = printable(`begins${'\n'.repeat(1000)}ends`)
    expect(cut).toHaveLength(256)
    expect(cut).toMatch(/^begins.*….*ends$/)
  })

  test('never leaves half a character where it cuts', () => {
    for (const shift of ['', 'a']) expect(printable(`${shift}${'😀'.repeat(300)}`).isWellFormed()).toBe(true)
  })
})

describe('an Issue', () => {
  test('has the severity of its code and the address that it was given', () => {
    expect(
      issue('invalid-host', { ...web, uid: 'dropped' } as never, { field: 'spec.rules[0].host', message: 'host "_" is no name' }),
    ).toEqual({
      code: 'invalid-host',
      severity: 'error',
      object: web,
      source: undefined,
      field: 'spec.rules[0].host',
      annotation: undefined,
      message: 'host "_" is no name',
    })
  })

  test('is harmless in all that came from a user', () => {
    const hostile = 'x\n\u001b[31m'
    const made = issue(
      'annotation-not-supported',
      { kind: 'Ingress', namespace: hostile, name: hostile },
      { field: hostile, annotation: hostile, message: hostile },
    )
    const escaped = 'x\\u000a\\u001b[31m'
    expect(made).toMatchObject({ object: { namespace: escaped, name: escaped }, field: escaped, annotation: escaped, message: escaped })
  })

  test('says why, however long what it quotes', () => {
    const { message } = issue('invalid-host', web, {
      message: `host "${'a'.repeat(5000)}" is longer than 253 characters; the rule is left out`,
    })
    expect(message).toHaveLength(256)
    expect(message).toMatch(/^host "a+…a+" is longer than 253 characters; the rule is left out$/)
  })

  test('is told on one line whatever the name of its file', () => {
    const source = { file: 'a\nb.yaml', document: 1, line: 1 }
    expect(describeIssue(issue('invalid-yaml', undefined, { source, message: 'x' }))).toBe('a\\u000ab.yaml:1: x [invalid-yaml]')
  })

  test('is told with all that is known of its place', () => {
    const found: Issue = issue('invalid-host', web, {
      source: { file: 'shop.yaml', document: 2, line: 7 },
      field: 'spec.rules[0].host',
      message: 'host "_" is no name',
    })
    expect(describeIssue(found)).toBe('shop.yaml:7 Ingress shop/web spec.rules[0].host: host "_" is no name [invalid-host]')
    expect(describeIssue({ ...found, source: undefined, object: undefined, field: undefined })).toBe('host "_" is no name [invalid-host]')
  })
})

test('an object of no namespace is told by kind and name', () => {
  expect(describeObject(web)).toBe('Ingress shop/web')
  expect(describeObject({ kind: 'IngressClass', namespace: '', name: 'nginx-ts' })).toBe('IngressClass nginx-ts')
})

test.each(Object.entries(issueCodes))('%s is a code that can be searched for, with a sentence', (code, { meaning }) => {
  expect(code).toMatch(/^[a-z]+(-[a-z]+)+$/)
  expect(meaning).toMatch(/^[A-Z].*\.$/)
})
