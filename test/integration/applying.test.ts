import { readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { ReloadResult } from '../../src/nginx/apply.ts'
import { eventually } from '../support/eventually.ts'
import { faultyNginx } from '../support/faulty-nginx.ts'
import { type IngressBuilder, ingress, type Manifest } from '../support/objects.ts'
import { nginxProcesses } from '../support/serve.ts'
import { startServices } from '../support/services.ts'
import { type Site, type SiteSettings, startSite, testedNginx } from '../support/site.ts'

describe.each(await testedNginx())('applying, NGINX %s', (_version, nginx) => {
  const backends = new AsyncDisposableStack()
  let services: readonly Manifest[]

  beforeAll(async () => {
    services = await startServices(backends, ['one', 'two'])
  })
  afterAll(() => backends.disposeAsync())

  const settings: SiteSettings = { limitsMs: { confirm: 1000 } }

  test('each configuration that differs is the next generation, and an equal one none at all', async () => {
    await using site = await startSite(nginx, settings)
    const first = applied(await site.serve(shop('one'), ...services))
    const processes = await processesOf(site)
    const { result: same } = await site.serve(shop('one'), ...services)
    expect(same).toMatchObject({ kind: 'unchanged', generation: first.generation, bytesWritten: 0 })
    expect(await processesOf(site)).toEqual(processes)

    const second = applied(await site.serve(shop('two'), ...services))
    expect(second.generation.number).toBe(first.generation.number + 1)
    expect(second.generation.hash).not.toBe(first.generation.hash)
    const third = applied(await site.serve(shop('one'), ...services))
    expect(third.generation).toEqual({ number: second.generation.number + 1, hash: first.generation.hash })
  })

  test('once it is applied, no worker of the generation before answers', async () => {
    await using site = await startSite(nginx, settings)
    for (const service of ['one', 'two', 'one', 'two', 'one']) {
      applied(await site.serve(shop(service), ...services))
      const answers = await Promise.all(Array.from({ length: 40 }, () => site.get('shop.test', '/')))
      for (const answer of answers) expect(answer).toComeFrom(service)
    }
  })

  test('nothing is called applied while a worker of the generation before might still answer', async () => {
    await using site = await startSite(nginx, settings)
    applied(await site.serve(shop('one'), ...services))
    const [hung] = (await processesOf(site)).slice(1)
    if (hung === undefined) throw new Error('there is no worker')
    process.kill(hung, 'SIGSTOP')
    const { result } = await site.serve(shop('two'), ...services)
    process.kill(hung, 'SIGCONT')
    expect(result).toMatchObject({ kind: 'refused', reason: expect.stringContaining('workers of another generation') })
    applied(await site.serve(shop('two'), ...services))
    expect(await site.get('shop.test', '/')).toComeFrom('two')
  })

  test('a change writes what changed: one server, the list that it is in, and the root', async () => {
    await using site = await startSite(nginx, settings)
    const others = Array.from({ length: 200 }, (_, index) => ingress(`other${index}`).host(`other${index}.test`).prefix('/', 'one'))
    others.push(ingress('known').host('known.test').prefix('/', 'two'))
    const whole = applied(await site.serve(shop('one'), ...others, ...services))
    const before = await filesOf(site)
    const change = applied(await site.serve(shop('two'), ...others, ...services))
    const after = await filesOf(site)

    expect(change.bytesWritten).toBeLessThan(whole.bytesWritten / 5)
    const added = [...after.keys()].filter((path) => !before.has(path))
    expect(added.map((path) => path.split('/')[0]).sort()).toEqual(['servers', 'shards'])
    for (const [path, identity] of before) if (after.has(path)) expect(after.get(path)).toEqual(identity)
  })

  test('files of the generation before stay, older ones are deleted', async () => {
    await using site = await startSite(nginx, settings)
    const generations: ReadonlySet<string>[] = []
    for (const path of ['/a', '/b', '/c']) {
      applied(await site.serve(ingress('shop').host('shop.test').prefix(path, 'one'), ...services))
      generations.push(await includedBy(site.layout.activeRoot))
    }
    const [first, second, third] = generations as [ReadonlySet<string>, ReadonlySet<string>, ReadonlySet<string>]
    expect(third.size).toBeGreaterThan(2)
    const present = new Set((await filesOf(site)).keys())
    expect([...third].filter((path) => !present.has(path))).toEqual([])
    expect([...second].filter((path) => !present.has(path))).toEqual([])
    expect([...first].filter((path) => present.has(path) && !second.has(path) && !third.has(path))).toEqual([])
    expect(await includedBy(site.layout.previousRoot)).toEqual(second)
  })

  test('a full disk is a reason to try again', async () => {
    await using site = await startSite(nginx, settings)
    applied(await site.serve(shop('one'), ...services))
    const full = `${site.layout.stagedRoot}.new`
    await symlink('/dev/full', full)
    const { result } = await site.serve(shop('two'), ...services)
    expect(result).toMatchObject({ kind: 'refused', reason: expect.stringContaining('ENOSPC'), retryAfterMs: expect.any(Number) })
    await rm(full)
    applied(await site.serve(shop('two'), ...services))
    expect(await site.get('shop.test', '/')).toComeFrom('two')
  })

  test('a reload that is not confirmed in time is taken back, and the next good state goes live', async () => {
    await using site = await startSite(nginx, settings)
    const first = applied(await site.serve(shop('one'), ...services))
    const before = await readFile(site.layout.activeRoot, 'utf8')
    const master = Number(await readFile(site.layout.pidFile, 'utf8'))
    // A master that is stopped takes no signal, while its workers go on: the reload never comes about.
    process.kill(master, 'SIGSTOP')
    try {
      const { result } = await site.serve(shop('two'), ...services)
      expect(result).toMatchObject({
        kind: 'refused',
        reason: expect.stringContaining('workers of another generation still answer'),
        retryAfterMs: expect.any(Number),
      })
      expect(await readFile(site.layout.activeRoot, 'utf8')).toBe(before)
      expect(await site.get('shop.test', '/')).toComeFrom('one')
    } finally {
      process.kill(master, 'SIGCONT')
    }
    const next = applied(await site.serve(shop('two'), ...services))
    expect(next.generation.number).toBeGreaterThan(first.generation.number)
    expect(await site.get('shop.test', '/')).toComeFrom('two')
  })

  test('a change that comes while NGINX starts anew waits until it has read its configuration', async () => {
    await using folder = await startSite(nginx)
    const faulty = await faultyNginx(folder.layout.root, nginx)
    await using site = await startSite(faulty.path, settings)
    applied(await site.serve(shop('one'), ...services))
    const [master] = await processesOf(site)
    const before = await readFile(site.layout.activeRoot, 'utf8')
    await faulty.holdStart()
    process.kill(master as number, 'SIGKILL')
    await eventually(async () => expect(await readFile(site.layout.masterFile, 'utf8')).not.toMatch(new RegExp(`^${master} `)))
    const serving = site.serve(shop('two'), ...services)
    await eventually(async () => expect(await readFile(site.layout.activeRoot, 'utf8')).not.toBe(before))
    await faulty.heal()
    applied(await serving)
    expect(await site.get('shop.test', '/')).toComeFrom('two')
  })

  test('what a restart would serve is put right, even when the running configuration is right already', async () => {
    await using site = await startSite(nginx, settings)
    const first = applied(await site.serve(shop('one'), ...services))
    const root = await readFile(site.layout.activeRoot, 'utf8')
    // As a crash between the rename and the reload leaves it.
    await writeFile(site.layout.activeRoot, root.replaceAll(first.generation.hash, '0123456789abcdef0123'))
    applied(await site.serve(shop('one'), ...services))
    expect(await readFile(site.layout.activeRoot, 'utf8')).toContain(first.generation.hash)
  })

  test('a first configuration that NGINX refuses starts nothing, and names the owner of the block; the next starts', async () => {
    await using folder = await startSite(nginx)
    const faulty = await faultyNginx(folder.layout.root, nginx)
    await using site = await startSite(faulty.path, settings)
    await faulty.refuse('# Ingress default/bad')
    const { result } = await site.serve(shop('one'), ingress('bad').host('bad.test').prefix('/', 'one'), ...services)
    expect(result).toMatchObject({
      kind: 'refused',
      reason: expect.stringMatching(/^an injected fault in .*\/servers\/\w+\.conf:\d+$/),
      offender: { kind: 'Ingress', namespace: 'default', name: 'bad' },
    })
    expect(site.agent.isRunning()).toBe(false)
    await expect(site.get('shop.test', '/')).rejects.toThrow('ECONNREFUSED')

    applied(await site.serve(shop('one'), ...services))
    expect(await site.get('shop.test', '/')).toComeFrom('one')
  })

  test('a test that is refused leaves the running workers alone', async () => {
    await using folder = await startSite(nginx)
    const faulty = await faultyNginx(folder.layout.root, nginx)
    await using site = await startSite(faulty.path, settings)
    applied(await site.serve(shop('one'), ...services))
    const processes = await processesOf(site)
    await faulty.refuse('server_name "shop.test"')
    const { result } = await site.serve(shop('two'), ...services)
    expect(result).toMatchObject({ kind: 'refused', offender: { namespace: 'default', name: 'shop' } })
    expect(await processesOf(site)).toEqual(processes)
    expect(await site.get('shop.test', '/')).toComeFrom('one')
    await faulty.heal()
    applied(await site.serve(shop('two'), ...services))
    await eventually(async () => expect(await site.get('shop.test', '/')).toComeFrom('two'))
  })
})

function shop(service: string): IngressBuilder {
  return ingress('shop').created('2026-01-01T00:00:00Z').host('shop.test').prefix('/', service)
}

function applied({ result }: { readonly result: ReloadResult }) {
  if (result.kind !== 'applied') throw new Error(`not applied: ${JSON.stringify(result)}`)
  return result
}

/** The master and its workers; a reload replaces workers. */
async function processesOf(site: Site): Promise<readonly number[]> {
  return await nginxProcesses(Number(await readFile(site.layout.pidFile, 'utf8')))
}

/** Every file that configurations include, with what tells whether it was written again. */
async function filesOf(site: Site): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>()
  for (const folder of ['servers', 'shards', 'certificates', 'hosts', 'variables', 'endpoints']) {
    for (const name of await readdir(join(site.layout.conf, folder))) {
      const { ino, mtimeMs } = await stat(join(site.layout.conf, folder, name))
      files.set(`${folder}/${name}`, `${ino} ${mtimeMs}`)
    }
  }
  return files
}

/** The files that a root file includes, and those that they include. */
async function includedBy(root: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  async function follow(path: string) {
    for (const [, included] of (await readFile(path, 'utf8')).matchAll(/^\s*include "?([\w./-]+)"?;$/gm)) {
      if (included === undefined) continue
      found.add(included)
      await follow(join(root, '..', included))
    }
  }
  await follow(root)
  return found
}
