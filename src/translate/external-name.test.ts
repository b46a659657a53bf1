import { expect, test } from '@jest/globals'
import { parseExternalName } from './external-name.ts'

test.each(['api.example.com', 'web.shop.svc.cluster.local', 'a', 'localhost.example.com', 'metadata.example.com', 'kubernetes.io'])(
  '%s is a name to resolve',
  (name) => {
    expect(parseExternalName(name)).toEqual({ ok: true, value: { kind: 'name', name } })
  },
)

test('case and the dot of the root are no part of a name', () => {
  expect(parseExternalName('API.Example.com.')).toEqual({ ok: true, value: { kind: 'name', name: 'api.example.com' } })
})

test.each(['192.0.2.1', '127.0.0.1', '2001:db8::1', '169.254.169.254'])('%s is an address, which is judged as such', (address) => {
  expect(parseExternalName(address)).toEqual({ ok: true, value: { kind: 'address', address } })
})

test.each([
  ...['localhost', 'LOCALHOST.', 'a.localhost', 'localhost.localdomain', 'ip6-localhost', 'localhost6'],
  ...['metadata.google.internal', 'metadata.google.internal.', 'metadata', 'metadata.goog', 'instance-data', 'instance-data.ec2.internal'],
  ...['100.100.100.200', 'fd00:ec2::254', 'FD00:EC2:0::254', '168.63.129.16'],
  ...['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'],
  ...['2130706433', '0x7f000001', '127.1', '0177.0.0.1', 'a.1', '0x', '169.254.43518'],
  ...[
    '',
    '.',
    'a..b',
    '*.example.com',
    'a b',
    'a;b',
    'unix:/run/x.sock',
    '[::1]',

    'example.com:80',
    'http://a',
    'b\u00fccher.test',
    'a_b',
  ],
])('%j is refused', (name) => {
  expect(parseExternalName(name).ok).toBe(false)
})
