import { expect, test } from '@jest/globals'
import type { ConfigSet } from '../render/render.ts'
import { complaintOf, offenderOf } from './offender.ts'

const SERVER = `server {
    server_name "shop.test";
    # Ingress default/first
    location = "/" {
        return 503;
    }
    # Ingress shop/second
    location ^~ "/a" {
        return 503;
    }
}`
const owner = (namespace: string, name: string) => ({ kind: 'Ingress', namespace, name })

/** As much of a configuration as the owner of a block is found by. */
const configSet = {
  files: [
    { path: 'servers/abc.conf', text: SERVER },
    { path: 'shards/def.conf', text: 'include "servers/abc.conf";' },
  ],
  servers: [{ path: 'servers/abc.conf', server: { owners: [owner('default', 'oldest')] } }],
} as unknown as ConfigSet

const refusal = (place: string) =>
  `nginx: [emerg] 12#12: unknown directive "x" in ${place}\nnginx: configuration file /s/conf/staged.conf test failed`

test.each([
  ["a line in a location is its owner's", '/s/conf/servers/abc.conf:5', owner('default', 'first')],
  ['the last location above counts', '/s/conf/servers/abc.conf:9', owner('shop', 'second')],
  ['the line that names the owner counts', '/s/conf/servers/abc.conf:7', owner('shop', 'second')],
  ["a line above all locations is the oldest owner's", '/s/conf/servers/abc.conf:2', owner('default', 'oldest')],
  ['a state directory may have a space in its name', '/my state/conf/servers/abc.conf:5', owner('default', 'first')],
  ["a list of servers is nobody's", '/s/conf/shards/def.conf:1', undefined],
  ["a file of another configuration is nobody's", '/s/conf/servers/other.conf:5', undefined],
])('%s', (_what, place, expected) => {
  expect(offenderOf(refusal(place), configSet)).toEqual(expected)
})

test('a warning of another place is not what NGINX refuses', () => {
  const warned = `nginx: [warn] 12#12: a word in /s/conf/servers/abc.conf:9\n${refusal('/s/conf/servers/abc.conf:5')}`
  expect(offenderOf(warned, configSet)).toEqual(owner('default', 'first'))
  expect(complaintOf(warned)).toBe('unknown directive "x" in /s/conf/servers/abc.conf:5')
})

test.each([
  ['2026/11/21 05:24:34 [emerg] 2517#2517: bind() to 0.0.0.0:80 failed', 'bind() to 0.0.0.0:80 failed'],
  ['nginx: [emerg] host not found', 'host not found'],
  ['spawn nginx ENOENT', 'spawn nginx ENOENT'],
  ['', ''],
])("%p is said as %p, and is nobody's", (output, complaint) => {
  expect(complaintOf(output)).toBe(complaint)
  expect(offenderOf(output, configSet)).toBeUndefined()
})
