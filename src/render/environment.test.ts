import { describe, expect, test } from '@jest/globals'
import { print, strict } from './environment.ts'

const server = {
  host: { kind: 'exact', name: 'shop.test' },
  isDefault: false,
  listens: [{ address: '8080', ssl: false, http2: false, proxyProtocol: false, defaultServer: false }],
  rejectsUnknownNames: false,
  strictTransportSecurity: false,
  hiddenHeaders: [],
  locations: [],
  externalAuths: [],
}

describe('a strict view', () => {
  test('gives what is there, however deep, an undefined one too', () => {
    const view = strict({ a: { b: [{ c: 1, d: undefined }] } })
    expect(view.a.b[0]?.c).toBe(1)
    expect(view.a.b[0]?.d).toBeUndefined()
  })

  test.each(['mispelt', 'toString', 'constructor', '__proto__', 'hasOwnProperty'])('throws where %s is read, at any depth', (property) => {
    const view = strict({ list: [{ inner: {} }] }) as { list: { inner: Record<string, unknown> }[] }
    expect(() => view.list[0]?.inner[property]).toThrow(`a template asks for ${property}, which its view does not have`)
  })

  test('leaves texts, numbers and null as they are', () => {
    expect([strict('a'), strict(0), strict(null), strict(undefined), strict(false)]).toEqual(['a', 0, null, undefined, false])
  })
})

describe('printing', () => {
  test('fills a template in', () => {
    const text = print('server.njk', 'server', server)
    expect(text).toMatch(/^server \{\n {4}listen 8080;\n {4}server_name "shop\.test";\n/)
  })

  // What is listed is asked for only beside what it stands with.
  test.each(Object.keys(server).filter((name) => !['rejectsUnknownNames', 'hiddenHeaders'].includes(name)))(
    'throws without %s, even where the template only tests it or goes through it',
    (missing) => {
      const view = Object.fromEntries(Object.entries(server).filter(([name]) => name !== missing))
      expect(() => print('server.njk', 'server', view)).toThrow(`a template asks for ${missing}, which its view does not have`)
    },
  )

  test('throws where a filter refuses a value, and prints nothing', () => {
    const hostile = { ...server, host: { kind: 'exact', name: 'a"; }' } }
    expect(() => print('server.njk', 'server', hostile)).toThrow('is not a DNS-1123 name')
  })

  test('throws for a template that does not exist', () => {
    expect(() => print('nothing.njk', 'server', server)).toThrow('template not found')
  })

  test('never takes a text of the view for a template', () => {
    const location = {
      modifier: '=',
      path: '/{{ 7 * 7 }}{% include "nginx.conf.njk" %}{# x',
      owner: undefined,
      log: undefined,
      cors: undefined,
      redirect: undefined,
      satisfy: undefined,
      access: undefined,
      basicAuth: undefined,
      limits: undefined,
      externalAuth: undefined,
      body: undefined,
      responseHeaders: undefined,
      canaries: [],
      choiceByScheme: undefined,
      session: undefined,
      sessionGroups: undefined,
      pass: undefined,
      rewrite: undefined,
      moved: undefined,
      movedByRewrite: undefined,
      respond: 404,
    }
    expect(print('server.njk', 'server', { ...server, locations: [location] })).toContain(
      'location = "/{{ 7 * 7 }}{% include \\"nginx.conf.njk\\" %}{# x" {',
    )
  })
})
