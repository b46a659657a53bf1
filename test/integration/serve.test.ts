import { mkdir, rename, rm, symlink } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startBackend } from '../support/backend.ts'
import { eventually } from '../support/eventually.ts'
import { faultyNginx } from '../support/faulty-nginx.ts'
import { type IngressBuilder, ingress, type Manifest, serviceFor } from '../support/objects.ts'
import { manifestText, nginxProcesses, prepareServe, type Serving } from '../support/serve.ts'
import { startServices } from '../support/services.ts'
import { testedNginx } from '../support/site.ts'

const SUCCESS = 'nginx_ingress_controller_success'
const GENERATION = 'nginx_ts_generation'

describe.each(await testedNginx())('a served directory, NGINX %s', (_version, nginx) => {
  const started = new AsyncDisposableStack()
  let serving: Serving
  let services: readonly Manifest[]

  beforeAll(async () => {
    serving = started.use(await prepareServe(nginx))
    services = await startServices(started, ['one', 'two'])
    await serving.write('services.yaml', manifestText(...services))
    await mkdir(join(serving.directory, 'mounted'))
    await publish(1, route('mounted.test', 'one'))
    await symlink('..data/mounted.yaml', join(serving.directory, 'mounted/mounted.yaml'))
    await serving.startReady()
  })
  afterAll(() => started.disposeAsync())

  const route = (host: string, service: string) => ingress(host.replace('.test', '')).host(host).prefix('/', service)
  const live = (host: string, service: string) => eventually(async () => expect(await serving.get(host, '/')).toComeFrom(service))
  const gone = (host: string) => eventually(async () => expect(await serving.get(host, '/')).toHaveStatus(404))
  /** The kubelet's way to change a mounted ConfigMap: a directory a version, and `..data`, a link, swapped by a rename. */
  const publish = async (version: number, manifest: IngressBuilder) => {
    const mount = join(serving.directory, 'mounted')
    await serving.write(`mounted/..version${version}/mounted.yaml`, manifestText(manifest))
    await symlink(`..version${version}`, join(mount, '..data_tmp'))
    await rename(join(mount, '..data_tmp'), join(mount, '..data'))
    await rm(join(mount, `..version${version - 1}`), { recursive: true, force: true })
  }
  /** What is logged of the turn that a file's change led to. */
  const turnOf = (file: string) => {
    const line = serving.log().findLast(({ changes }) => Array.isArray(changes) && changes.includes(file))
    if (line === undefined) throw new Error(`nothing is logged of ${file}: ${serving.standardError()}`)
    return line
  }

  test('a file dropped in, changed and removed is live each time', async () => {
    await serving.write('shop.yaml', manifestText(route('shop.test', 'one')))
    await live('shop.test', 'one')
    await serving.write('shop.yaml', manifestText(route('shop.test', 'two')))
    await live('shop.test', 'two')
    await serving.remove('shop.yaml')
    await gone('shop.test')
  })

  test('so is one in a directory that was not there before, and that is removed whole', async () => {
    await serving.write('new/deep/deep.yaml', manifestText(route('deep.test', 'one')))
    await live('deep.test', 'one')
    await serving.write('new/deep/deep.yaml', manifestText(route('deep.test', 'two')))
    await live('deep.test', 'two')
    await serving.remove('new')
    await gone('deep.test')
  })

  test.each([
    ['yml.yml', () => manifestText(route('yml.test', 'one'))],
    ['json.json', () => manifestText(route('json.test', 'one'))],
    ['many.yaml', () => `# nothing here\n---\n${manifestText(route('other.test', 'two'), route('many.test', 'one'))}`],
    ['list.json', () => JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [route('list.test', 'one').toManifest()] })],
    [
      'passed-over.yaml',
      () => `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n---\n${manifestText(route('passed-over.test', 'one'))}`,
    ],
  ])('%s is read', async (name, content) => {
    // Whole from the first moment on: of an empty file there is something to say.
    await serving.writeByRename(name, content())
    await live(`${name.split('.')[0]}.test`, 'one')
    expect(serving.log().filter(({ file }) => file === name)).toEqual([])
  })

  test('a file that is renamed into place, as editors do, is live', async () => {
    await serving.writeByRename('edited.yaml', manifestText(route('edited.test', 'one')))
    await live('edited.test', 'one')
    await serving.writeByRename('edited.yaml', manifestText(route('edited.test', 'two')))
    await live('edited.test', 'two')
    await serving.writeByRename('edited.yaml', manifestText(route('edited.test', 'one')))
    await live('edited.test', 'one')
  })

  test('a ConfigMap mounted as a volume is followed, and is no duplicate of itself', async () => {
    await live('mounted.test', 'one')
    await publish(2, route('mounted.test', 'two'))
    await live('mounted.test', 'two')
    await publish(3, route('mounted.test', 'one'))
    await live('mounted.test', 'one')
    expect(serving.log().filter(({ code }) => code === 'duplicate-object')).toEqual([])
  })

  test('a file that breaks costs nobody anything, and is named with the line', async () => {
    const before = manifestText(route('kept.test', 'one'), route('fine.test', 'one'))
    await serving.write('breaks.yaml', before)
    await live('kept.test', 'one')
    await serving.write('breaks.yaml', `${manifestText(route('fine.test', 'two'))}---\nkind: Ingress\n  metadata: [\n`)
    await live('fine.test', 'two')
    expect(await serving.get('kept.test', '/')).toComeFrom('one')
    await serving.write('meanwhile.yaml', manifestText(route('meanwhile.test', 'one')))
    await live('meanwhile.test', 'one')
    const lines = manifestText(route('fine.test', 'two')).split('\n').length
    expect(serving.log()).toContainEqual(
      expect.objectContaining({
        level: 'error',
        code: 'invalid-yaml',
        file: 'breaks.yaml',
        line: expect.any(Number),
        msg: expect.stringContaining('document 2'),
      }),
    )
    const reported = serving.log().find(({ code }) => code === 'invalid-yaml')
    expect(Number(reported?.['line'])).toBeGreaterThan(lines)
    expect(await serving.metric('nginx_ts_issues{code="invalid-yaml",severity="error"}')).toBe(1)

    await serving.write('breaks.yaml', manifestText(route('fine.test', 'one')))
    await gone('kept.test')
    await eventually(async () => expect(await serving.metric('nginx_ts_issues{code="invalid-yaml",severity="error"}')).toBeUndefined())
  })

  test.each([
    ['a comment', 'quiet.yaml', () => `# said in passing\n${manifestText(route('quiet.test', 'one').created('2026-01-01T00:00:00Z'))}`],
    [
      'a label',
      'quiet.yaml',
      () => {
        const { metadata, ...rest } = route('quiet.test', 'one').created('2026-01-01T00:00:00Z').toManifest()
        return manifestText({ ...rest, metadata: { ...(metadata as object), labels: { team: 'quiet' } } })
      },
    ],
    [
      'a Secret that nobody refers to',
      'secret.yaml',
      () => 'apiVersion: v1\nkind: Secret\nmetadata: {name: unrelated}\nstringData: {a: b}\n',
    ],
  ])('%s causes no reload', async (_what, file, content) => {
    await serving.write('quiet.yaml', manifestText(route('quiet.test', 'one').created('2026-01-01T00:00:00Z')))
    await live('quiet.test', 'one')
    await eventually(() => turnOf('quiet.yaml'))
    const [generation, reloads] = [await serving.metric(GENERATION), await serving.metric(SUCCESS)]
    const turns = serving.log().length
    await serving.write(file, content())
    await eventually(() =>
      expect(
        serving
          .log()
          .slice(turns)
          .some(({ changes }) => Array.isArray(changes) && changes.includes(file)),
      ).toBe(true),
    )
    expect(turnOf(file).msg).toContain(`no reload needed, generation ${generation} stays`)
    expect([await serving.metric(GENERATION), await serving.metric(SUCCESS)]).toEqual([generation, reloads])
  })

  test('a burst of 20 changed files becomes few reloads', async () => {
    const reloads = Number(await serving.metric(SUCCESS))
    const hosts = Array.from({ length: 20 }, (_, index) => `burst${index}.test`)
    await Promise.all(hosts.map((host) => serving.write(`${host}.yaml`, manifestText(route(host, 'one')))))
    for (const host of hosts) await live(host, 'one')
    await eventually(async () => expect(Number(await serving.metric(SUCCESS))).toBeGreaterThan(reloads))
    expect(Number(await serving.metric(SUCCESS)) - reloads).toBeLessThanOrEqual(5)
  })

  test('a change is one line of JSON: what changed, how long each stage took, what NGINX said', async () => {
    await serving.write('logged.yaml', manifestText(route('logged.test', 'one')))
    await live('logged.test', 'one')
    const line = await eventually(() => turnOf('logged.yaml'))
    expect(line.level).toBe('info')
    expect(line.msg).toMatch(/^logged\.yaml: hosts 1 added \(logged\.test\); generation \d+ is live \(.*\); NGINX: .*test is successful/)
    expect(line['generation']).toBe(await serving.metric(GENERATION))
    const stages = ['snapshot', 'translate', 'render', 'write', 'test', 'reload']
    expect(Object.keys(line['times'] as object).sort()).toEqual([...stages].sort())
    for (const stage of stages) expect(line.msg).toMatch(new RegExp(`\\b${stage} [\\d.]+ ms`))
    expect(serving.log().filter(({ changes }) => Array.isArray(changes) && changes.includes('logged.yaml'))).toHaveLength(1)
  })

  test('the status port says that it is well, and how reloads went', async () => {
    expect(await serving.status('/healthz')).toHaveStatus(200)
    expect(await serving.status('/readyz')).toHaveStatus(200)
    const metrics = await serving.status('/metrics')
    expect(metrics.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
    for (const line of metrics.body.split('\n').filter((text) => text !== ''))
      expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="[^"]*",?)*\})? [-+\d.e]+)$/i)
    expect(await serving.metric('nginx_ingress_controller_config_last_reload_successful')).toBe(1)
    expect(await serving.metric(SUCCESS)).toBeGreaterThan(0)
    expect(await serving.metric(GENERATION)).toBeGreaterThan(0)
  })

  test('metrics tell what NGINX carries and uses, and when certificates end', async () => {
    const name = (rest: string) => `nginx_ingress_controller_nginx_process_${rest}`
    const before = Number(await serving.metric(name('requests_total')))
    for (let sent = 0; sent < 5; sent++) await serving.get('nobody.test', '/')
    expect(Number(await serving.metric(name('requests_total'))) - before).toBeGreaterThanOrEqual(5)
    expect(await serving.metric(name('connections_total{state="accepted"}'))).toBeGreaterThanOrEqual(5)
    expect(await serving.metric(name('connections{state="active"}'))).toBeGreaterThan(0)
    expect(await serving.metric(name('num_procs'))).toBeGreaterThanOrEqual(2)
    expect(await serving.metric(name('resident_memory_bytes'))).toBeGreaterThan(1_000_000)
    const end = Number(await serving.metric('nginx_ingress_controller_ssl_expire_time_seconds{host="_"}')) * 1000
    expect(end).toBeGreaterThan(Date.now() + 300 * 24 * 3600 * 1000)
  })
})

describe.each(await testedNginx())('the life of a served directory, NGINX %s', (_version, nginx) => {
  test('it is ready once all that was there at the start is served, and not before', async () => {
    await using started = new AsyncDisposableStack()
    const serving = started.use(await prepareServe(nginx))
    const faulty = await faultyNginx(dirname(serving.directory), nginx)
    const hosts = Array.from({ length: 20 }, (_, index) => `host${index}.test`)
    await serving.write('services.yaml', manifestText(...(await startServices(started, ['one']))))
    for (const host of hosts) await serving.write(`${host}.yaml`, manifestText(ingress(host).host(host).prefix('/', 'one')))

    await faulty.hold()
    serving.start('--nginx', faulty.path)
    await eventually(async () => expect(await serving.status('/readyz')).toHaveStatus(503))
    expect(await serving.status('/healthz')).toHaveStatus(200)
    await expect(serving.get('host0.test', '/')).rejects.toThrow('ECONNREFUSED')

    await faulty.heal()
    await eventually(async () => expect(await serving.status('/readyz')).toHaveStatus(200))
    for (const host of hosts) expect(await serving.get(host, '/')).toComeFrom('one')
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('%s lets a request in flight finish, then ends all', async (signal) => {
    await using started = new AsyncDisposableStack()
    const { serving, arrived, letFinish } = await servingSlowly(started, nginx)
    const inFlight = serving.get('slow.test', '/')
    await arrived
    const master = await serving.masterPid()
    expect(await nginxProcesses(master)).toContain(master)

    serving.signal(signal)
    await eventually(() => expect(serving.get('other.test', '/')).rejects.toThrow('ECONNREFUSED'))
    letFinish()
    const answer = await inFlight
    expect(answer).toHaveStatus(200)
    expect(answer.body).toBe('at last')
    expect(await serving.ended()).toBe(0)
    expect(await nginxProcesses(master)).toEqual([])
  })

  test('a second signal does not wait for requests in flight', async () => {
    await using started = new AsyncDisposableStack()
    const { serving, arrived } = await servingSlowly(started, nginx)
    const isCut = expect(serving.get('slow.test', '/')).rejects.toThrow('socket hang up')
    await arrived
    const master = await serving.masterPid()

    serving.signal('SIGTERM')
    await eventually(() => expect(serving.get('other.test', '/')).rejects.toThrow('ECONNREFUSED'))
    serving.signal('SIGTERM')
    expect(await serving.ended()).toBe(0)
    await isCut
    expect(await nginxProcesses(master)).toEqual([])
  })
})

/** A directory whose one backend answers when it is told to. */
async function servingSlowly(started: AsyncDisposableStack, nginx: string) {
  const [arrival, permission] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const answer: RequestListener = (_, response) => {
    arrival.resolve()
    void permission.promise.then(() => response.end('at last'))
  }
  const backend = started.use(await startBackend('slow', { answer }))
  const serving = started.use(await prepareServe(nginx))
  await serving.write('slow.yaml', manifestText(...serviceFor(backend), ingress('slow').host('slow.test').prefix('/', 'slow')))
  await serving.startReady()
  return { serving, arrived: arrival.promise, letFinish: permission.resolve }
}
