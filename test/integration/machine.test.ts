import { execFile, spawnSync } from 'node:child_process'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { probeMachine } from '../../src/nginx/machine.ts'
import { type Backend, startBackend } from '../support/backend.ts'
import { eventually } from '../support/eventually.ts'
import { shakeHands } from '../support/handshake.ts'
import { ingress, serviceFor } from '../support/objects.ts'
import { freePort } from '../support/ports.ts'
import { openConnection } from '../support/raw-connection.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

const machine = await probeMachine()
/** Root of a user namespace without other accounts cannot give workers one. */
const testAsRoot = (machine.workerAccount?.groupId ?? 0) > 0 ? test : test.skip
const testOnIpv6 = machine.ipv6 ? test : test.skip
/** A network of its own, in which IPv6 can be switched off. */
const canUnshare = spawnSync('unshare', ['-n', 'ip', 'link', 'set', 'lo', 'up']).status === 0
const testInNetwork = canUnshare ? test : test.skip

const SERVE_ONCE = join(import.meta.dirname, '../support/serve-once.ts')
const WITHOUT_IPV6 = 'ip link set lo up && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && exec "$@"'

/** All that NGINX reads, certificates apart. */
async function configurationOf({ layout }: Site): Promise<string> {
  const names = await readdir(layout.conf, { recursive: true })
  const texts = names.filter((name) => name.endsWith('.conf')).map((name) => readFile(join(layout.conf, name), 'utf8'))
  return (await Promise.all(texts)).join('\n')
}

/** The children of the master: without a cache, all of them are workers. */
async function workersOf({ layout }: Site): Promise<readonly string[]> {
  const master = (await readFile(layout.pidFile, 'utf8')).trim()
  const isWorker = new RegExp(`^PPid:\\s${master}$`, 'm')
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(pids.map(async (pid) => (isWorker.test(await statusOf(pid)) ? [pid] : [])))
  return found.flat()
}

async function statusOf(pid: string): Promise<string> {
  return await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
}

describe.each(await testedNginx())('the machine, NGINX %s', (_version, nginx) => {
  let web: Backend
  beforeAll(async () => {
    web = await startBackend('web')
  })
  afterAll(async () => {
    await web?.[Symbol.asyncDispose]()
  })

  const serve = (site: Site) => site.serve(ingress('web').host('web.test').prefix('/', 'web').tls(undefined, 'safe.test'), serviceFor(web))

  describe('IPv6', () => {
    test('a host without it is served, and nothing listens there', async () => {
      await using site = await startSite(nginx, { machine: { ipv6: false } })
      const { result } = await serve(site)
      expect(result.kind).toBe('applied')
      expect(await site.get('web.test', '/')).toComeFrom('web')
      expect(await site.getTls('web.test', '/')).toComeFrom('web')
      const configuration = await configurationOf(site)
      expect(configuration).toContain(`listen ${site.httpPort} `)
      expect(configuration).not.toContain('[::]')
    })

    testOnIpv6('where there is, both ports answer there too', async () => {
      await using site = await startSite(nginx)
      await serve(site)
      const answer = await site.get('web.test', '/', { address: '::1' })
      expect(answer).toComeFrom('web')
      expect(answer.seen?.headers['x-real-ip']).toBe('::1')
      expect(await site.getTls('web.test', '/', { address: '::1' })).toComeFrom('web')
      expect(await site.get('web.test', '/')).toComeFrom('web')
    })

    testInNetwork('where the kernel has it switched off, what the probe finds is something NGINX can start on', async () => {
      const { stdout } = await promisify(execFile)('unshare', ['-n', 'sh', '-c', WITHOUT_IPV6, 'sh', process.execPath, SERVE_ONCE, nginx])
      expect(JSON.parse(stdout)).toMatchObject({ result: 'applied', answeredBy: 'web' })
    })
  })

  test('there are as many workers as CPUs, with the file limit and the connections that go with it', async () => {
    await using site = await startSite(nginx, { machine: { cpus: 3, openFiles: 4096 } })
    await serve(site)
    const workers = await workersOf(site)
    expect(workers).toHaveLength(3)
    for (const pid of workers) expect(await readFile(`/proc/${pid}/limits`, 'utf8')).toMatch(/^Max open files\s+4096\s/m)
    expect(await configurationOf(site)).toContain('worker_connections 2016;')
    expect(await site.errorLog()).not.toMatch(/worker_connections|\[(warn|alert|emerg)\]/)
  })

  testAsRoot('as root, workers run under another account and can still show a certificate that others cannot read', async () => {
    await using site = await startSite(nginx)
    await serve(site)
    const account = machine.workerAccount
    expect(account?.groupId).toBeGreaterThan(0)
    const workers = await workersOf(site)
    expect(workers.length).toBeGreaterThan(0)
    for (const pid of workers) {
      const [, uid = '0'] = /^Uid:\s(\d+)/m.exec(await statusOf(pid)) ?? []
      expect(Number(uid)).not.toBe(0)
      expect(await statusOf(pid)).toMatch(new RegExp(`^Gid:\\s${account?.groupId}\\s`, 'm'))
    }
    const { certificate } = await shakeHands(site.httpsPort, 'web.test')
    const pem = await readFile(join(site.layout.certificates, 'self-signed.pem'), 'utf8')
    expect(pem.replaceAll(/\s/g, '')).toContain(certificate.raw.toString('base64'))
    for (const name of await readdir(site.layout.certificates)) {
      const { mode } = await stat(join(site.layout.certificates, name))
      expect(mode & 0o007).toBe(0)
    }
  })

  testAsRoot('as root, with a strict umask, bodies that are kept in files pass all the same', async () => {
    const before = process.umask(0o077)
    try {
      await using site = await startSite(nginx)
      await serve(site)
      const answer = await site.get('web.test', '/', { method: 'POST', body: 'x'.repeat(500_000) })
      expect(answer).toComeFrom('web')
      expect(answer.seen?.bodyLength).toBe(500_000)
    } finally {
      process.umask(before)
    }
  })

  describe('logs', () => {
    test('one line a request, in the format of ingress-nginx', async () => {
      await using site = await startSite(nginx)
      await serve(site)
      const answer = await site.get('web.test', '/a?b=c', {
        headers: { referer: 'http://from.test/', 'user-agent': 'curl/8', 'x-request-id': 'id-1' },
      })
      expect(answer).toComeFrom('web')
      await site.get('nobody.test', '/lost')
      const [first, second, ...others] = await linesOf(site, 2)
      expect(others).toEqual([])
      expect(first).toMatch(
        new RegExp(
          '^127\\.0\\.0\\.1 - - \\[\\d\\d/\\w{3}/\\d{4}:\\d\\d:\\d\\d:\\d\\d [+-]\\d{4}\\] "GET /a\\?b=c HTTP/1\\.1" 200 \\d+ ' +
            '"http://from\\.test/" "curl/8" \\d+ \\d+\\.\\d{3} \\[default-web-80\\] \\[\\] ' +
            `127\\.0\\.0\\.1:${web.port} \\d+ \\d+\\.\\d{3} 200 id-1$`,
        ),
      )
      expect(second).toMatch(/"GET \/lost HTTP\/1\.1" 404 .* \[[^\]]*\] \[\] - - - - [0-9a-f]{32}$/)
    })

    test('an answer 503 names the Service that was wanted', async () => {
      await using site = await startSite(nginx)
      await site.serve(ingress('shop').namespace('store').host('shop.test').prefix('/', 'cart', 'http'))
      await site.get('shop.test', '/')
      const [line] = await linesOf(site, 1)
      expect(line).toMatch(/" 503 .* \[store-cart-http\] \[\] - - - - /)
    })

    test('what a hostile client writes stays on its line, escaped', async () => {
      await using site = await startSite(nginx)
      await serve(site)
      await using connection = await openConnection(site.httpPort)
      const agent = 'a"b\\c\x1b[2J\x07\x7f\xff'
      await connection.write(`GET /?"\x80 HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\nUser-Agent: ${agent}\r\nReferer: \x01\r\n\r\n`)
      const [line, ...others] = await linesOf(site, 1)
      expect(others).toEqual([])
      expect(line).toContain('"a\\x22b\\x5Cc\\x1B[2J\\x07\\x7F\\xFF"')
      expect(line).toContain('"\\x01"')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
      expect(line).not.toMatch(/[\x00-\x1f\x7f-\uffff]/)
    })

    test('failures of backends are in the error log', async () => {
      await using site = await startSite(nginx)
      const dead = { name: 'dead', address: '127.0.0.1', port: await freePort() }
      await site.serve(ingress('dead').host('dead.test').prefix('/', 'dead'), serviceFor(dead))
      expect(await site.get('dead.test', '/')).toHaveStatus(502)
      await eventually(async () => {
        expect(await site.errorLog()).toMatch(/\[error\] .*Connection refused.* host: "dead\.test"/)
      })
    })
  })
})

/** The lines of the access log, once there are this many. */
async function linesOf(site: Site, count: number): Promise<readonly string[]> {
  return await eventually(async () => {
    const lines = (await site.accessLog()).split('\n').slice(0, -1)
    expect(lines.length).toBeGreaterThanOrEqual(count)
    return lines
  })
}
