import { availableParallelism } from 'node:os'
import { describe, expect, test } from '@jest/globals'
import { cpusOf, nameServersOf, openFilesOf, probeMachine, workerAccountOf } from './machine.ts'

describe('CPUs', () => {
  test.each([
    ['half a CPU', '50000 100000', 1],
    ['one CPU', '100000 100000', 1],
    ['one and a half', '150000 100000', 2],
    ['four', '400000 100000', 4],
    ['another period', '20000 10000', 2],
    ['the line as the kernel ends it', '200000 100000\n', 2],
  ])('follow the quota of the cgroup: %s', (_what, cpuMax, cpus) => {
    expect(cpusOf(8, cpuMax)).toBe(cpus)
  })

  test('a quota above what there is adds none', () => {
    expect(cpusOf(2, '1600000 100000')).toBe(2)
  })

  test.each([
    ['cgroup v2 says max', 'max 100000\n'],
    ['cgroup v1 says -1', '-1 100000'],
    ['there is no cgroup', ' '],
    ['there is no text', ''],
    ['the text makes no sense', 'much 0'],
    ['the period is 0', '100000 0'],
  ])('without a quota are all there are: %s', (_what, cpuMax) => {
    expect(cpusOf(8, cpuMax)).toBe(8)
  })
})

describe('open files', () => {
  const limits = (soft: string, hard: string) => `Limit                     Soft Limit           Hard Limit           Units
Max processes             62988                62988                processes
Max open files            ${soft.padEnd(20)} ${hard.padEnd(20)} files
Max locked memory         67108864             67108864             bytes
`
  test('go up to the hard limit', () => {
    expect(openFilesOf(limits('1024', '524288'))).toBe(524_288)
  })
  test('are bounded where there is no limit, or an absurd one', () => {
    expect(openFilesOf(limits('unlimited', 'unlimited'))).toBe(1_048_576)
    expect(openFilesOf(limits('1024', '1073741816'))).toBe(1_048_576)
  })
  test('are few where nothing is known', () => {
    expect(openFilesOf('')).toBe(1024)
  })
})

describe("the workers' account", () => {
  const PASSWD =
    'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/usr/sbin/nologin\nwww-data:x:33:33::/var/www:/usr/sbin/nologin\n'
  const GROUP = 'root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\nnginx:x:101:\n'
  const EVERY_USER = '         0          0 4294967295\n'

  test('is the one for web servers, with its group', () => {
    expect(workerAccountOf(PASSWD, GROUP, EVERY_USER)).toEqual({ user: 'www-data', group: 'www-data', groupId: 33 })
    expect(workerAccountOf(`${PASSWD}nginx:x:101:101::/:/sbin/nologin\n`, GROUP, EVERY_USER)).toEqual({
      user: 'nginx',
      group: 'nginx',
      groupId: 101,
    })
  })
  test('is nobody where there is no other', () => {
    const withoutWww = PASSWD.replace(/^www-data.*\n/m, '')
    expect(workerAccountOf(withoutWww, GROUP, EVERY_USER)).toEqual({ user: 'nobody', group: 'nogroup', groupId: 65534 })
  })
  test('is none where no account, or no group of its, is known', () => {
    expect(workerAccountOf('root:x:0:0::/root:/bin/sh\n', GROUP, EVERY_USER)).toBeUndefined()
    expect(workerAccountOf(PASSWD, 'root:x:0:\n', EVERY_USER)).toBeUndefined()
    expect(workerAccountOf('', '', EVERY_USER)).toBeUndefined()
  })
  test('is root in a user namespace that maps nobody else', () => {
    expect(workerAccountOf(PASSWD, GROUP, '         0       1000          1\n')).toEqual({ user: 'root', group: 'root', groupId: 0 })
    expect(workerAccountOf(PASSWD, GROUP, '0 1000 1\n1 100000 65536\n')?.user).toBe('www-data')
    expect(workerAccountOf(PASSWD, GROUP, '')?.user).toBe('www-data')
  })
})

test('the machine we are on gives at least one CPU and no more than it has', async () => {
  const { cpus, openFiles, workerAccount } = await probeMachine()
  expect(cpus).toBeGreaterThanOrEqual(1)
  expect(cpus).toBeLessThanOrEqual(availableParallelism())
  expect(openFiles).toBeGreaterThan(0)
  if (process.getuid?.() !== 0) expect(workerAccount).toBeUndefined()
})

test('DNS servers are those of resolv.conf that NGINX can ask', () => {
  const text =
    '# nameserver 192.0.2.9\nsearch a.test\nnameserver 10.96.0.10\n nameserver\t2001:db8::53\nnameserver fe80::1%eth0\nnameserver dns.test\n'
  expect(nameServersOf(text)).toEqual(['10.96.0.10', '2001:db8::53'])
  expect(nameServersOf('')).toEqual([])
})
