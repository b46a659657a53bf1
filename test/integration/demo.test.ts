import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { requests } from '../../examples/requests.ts'
import { project } from '../../scripts/project.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/ports.ts'
import { descendantsOf, isAlive } from '../support/processes.ts'
import { testedNginx } from '../support/site.ts'

type Demo = { readonly process: ChildProcess; readonly output: () => string; readonly ended: Promise<number | null> }

const versions = await testedNginx()
const newest = versions.at(-1)?.[1] ?? ''

let temporary: string
let ports: Record<'http' | 'https' | 'status', number>
let started: Demo[]

beforeEach(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'nginx-ts-demo-test-'))
  // NGINX's workers may have an account of their own, and must pass.
  await chmod(temporary, 0o711)
  ports = { http: await freePort(), https: await freePort(), status: await freePort() }
  started = []
})

afterEach(async () => {
  for (const demo of started) {
    if (demo.process.exitCode !== null) continue
    const pids = await descendantsOf(demo.process.pid ?? 0)
    for (const pid of pids) if (await isAlive(pid)) process.kill(pid, 'SIGKILL')
  }
  await rm(temporary, { recursive: true, force: true })
})

/** `npm run demo` on free ports, in a process group of its own, as a shell starts it. */
function startDemo(nginx: string, ...parameters: string[]): Demo {
  const portFlags = Object.entries(ports).flatMap(([name, port]) => [`--${name}-port`, String(port)])
  const child = spawn('npm', ['run', 'demo', '--', '--nginx', nginx, ...portFlags, ...parameters], {
    cwd: project,
    // Where the demo has to build first, Node would keep compiled code there.
    env: { ...process.env, TMPDIR: temporary, NODE_DISABLE_COMPILE_CACHE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const demo: Demo = { process: child, output: () => output, ended: once(child, 'close').then(([code]) => code) }
  started.push(demo)
  return demo
}

async function servingDemo(): Promise<{ readonly demo: Demo; readonly pids: readonly number[] }> {
  const demo = startDemo(newest)
  await eventually(() => expect(demo.output()).toContain('Stop with Ctrl-C'), { timeoutMs: 40_000 })
  return { demo, pids: await descendantsOf(demo.process.pid ?? 0) }
}

async function expectNothingLeft(pids: readonly number[]) {
  // npm's shell, with-node, the demo, the server, NGINX and a worker; the shell may have become what it runs.
  expect(pids.length).toBeGreaterThanOrEqual(5)
  await eventually(async () => {
    for (const pid of pids) expect(await isAlive(pid)).toBe(false)
  })
  expect(await readdir(temporary)).toEqual([])
}

describe.each(versions)('npm run demo -- --check, NGINX %s', (_version, nginx) => {
  test('asks for every line and finds every answer right', async () => {
    const demo = startDemo(nginx, '--check')
    expect(await demo.ended).toBe(0)
    expect(demo.output().match(/^ok {2}https?:/gm)).toHaveLength(requests.length)
    expect(demo.output()).toContain(`${requests.length} right, 0 wrong`)
    expect(await readdir(temporary)).toEqual([])
  })
})

test('one wrong answer is named and makes the check fail', async () => {
  const directory = join(temporary, 'changed')
  await cp(join(project, 'examples'), directory, { recursive: true })
  const file = join(directory, 'hosts.yaml')
  await writeFile(file, (await readFile(file, 'utf8')).replaceAll('name: website', 'name: impostor'))
  const demo = startDemo(newest, '--check', '--directory', directory)
  expect(await demo.ended).toBe(1)
  expect(demo.output()).toMatch(
    new RegExp(`^WRONG  http://www\\.example\\.test:${ports.http}/ +200 default/impostor:80; expected 200 default/website:80$`, 'm'),
  )
  expect(demo.output()).toContain(`${requests.length - 1} right, 1 wrong`)
})

test('shows a table, lines to paste, and what is wrong in the manifests; Ctrl-C ends it all', async () => {
  const { demo, pids } = await servingDemo()
  const text = demo.output()
  expect(text).toMatch(new RegExp(`^http://api\\.example\\.test:${ports.http} +/customers +200 default/customers:8080 +hosts\\.yaml$`, 'm'))
  expect(text).toMatch(
    new RegExp(`--resolve api\\.example\\.test:${ports.http}:127\\.0\\.0\\.1 'http://api\\.example\\.test:${ports.http}/customers'$`, 'm'),
  )
  expect(text).toMatch(
    new RegExp(`--cacert examples/shop\\.example\\.test\\.pem --resolve shop\\.example\\.test:${ports.https}:127\\.0\\.0\\.1 'https:`, 'm'),
  )
  expect(text).toMatch(/^error: Ingress default\/newcomer .*\[path-claimed\]$/m)
  // The terminal sends SIGINT to every process of the group.
  process.kill(-(demo.process.pid ?? 0), 'SIGINT')
  expect(await demo.ended).toBe(0)
  await expectNothingLeft(pids)
})

test('SIGTERM to npm alone ends it all too', async () => {
  const { demo, pids } = await servingDemo()
  demo.process.kill('SIGTERM')
  expect(await demo.ended).toBe(0)
  await expectNothingLeft(pids)
})

test.each(['http', 'https', 'status'] as const)('a taken %s port is named, with the flag that chooses another', async (name) => {
  const other = createServer().listen(ports[name])
  await once(other, 'listening')
  try {
    const demo = startDemo(newest)
    expect(await demo.ended).not.toBe(0)
    expect(demo.output()).toContain(`port ${ports[name]} is in use; choose another: npm run demo -- --${name}-port PORT`)
  } finally {
    other.close()
  }
})
