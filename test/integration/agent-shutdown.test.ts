import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { type AgentProcess, prepareAgent } from '../support/agent.ts'
import { startBackend } from '../support/backend.ts'
import { eventually } from '../support/eventually.ts'
import { ingress, serviceFor } from '../support/objects.ts'
import { NODE_FLAGS, nginxProcesses, PROGRAM } from '../support/serve.ts'
import { testedNginx } from '../support/site.ts'

const project = join(import.meta.dirname, '../..')

describe.each(await testedNginx())('stopping the agent, NGINX %s', (_version, nginx) => {
  test('wait-shutdown where nothing runs ends at once', async () => {
    await using agent = await prepareAgent(nginx)
    expect(await waitShutdown(agent)).toEqual({ code: 0, stderr: '' })
  })

  test('wait-shutdown lets a request in flight finish, and ends once NGINX has', async () => {
    await using started = new AsyncDisposableStack()
    const { agent, arrived, letFinish } = await servingSlowly(started, nginx)
    const inFlight = agent.get('slow.test', '/')
    await arrived
    const master = await agent.masterPid()
    const waiting = waitShutdown(agent)
    await eventually(() => expect(agent.get('slow.test', '/fast')).rejects.toThrow('ECONNREFUSED'))
    expect(await nginxProcesses(master)).toContain(master)
    letFinish()
    expect((await inFlight).body).toBe('at last')
    expect(await waiting).toEqual({ code: 0, stderr: '' })
    expect(await nginxProcesses(master)).toEqual([])
    expect(await agent.ended()).toBe(0)
    await expect(access(agent.layout.agentFile)).rejects.toThrow('ENOENT')
  })

  test('told to stop while the agent is dead: the next agent stops', async () => {
    await using started = new AsyncDisposableStack()
    const { agent } = await servingSlowly(started, nginx)
    const master = await agent.masterPid()
    process.kill(await agent.agentPid(), 'SIGKILL')
    agent.signal('SIGTERM')
    expect(await agent.ended()).toBe(0)
    expect(await nginxProcesses(master)).toEqual([])
  })

  test('the grace period: new requests and changes are served on, then NGINX ends; a second signal cuts it short', async () => {
    await using started = new AsyncDisposableStack()
    const { agent, manifests } = await servingSlowly(started, nginx, '--shutdown-grace-period', '600')
    const master = await agent.masterPid()
    agent.signal('SIGTERM')
    await eventually(() => expect(agent.standardError()).toContain('serving on for 600 s'))
    expect(await agent.get('slow.test', '/fast')).toHaveStatus(200)
    const late = ingress('late').host('late.test').prefix('/', 'slow')
    expect(await agent.serve(...manifests, late)).toMatchObject({ kind: 'applied' })
    expect(await agent.get('late.test', '/fast')).toHaveStatus(200)
    agent.signal('SIGTERM')
    expect(await agent.ended()).toBe(0)
    expect(await nginxProcesses(master)).toEqual([])
  })

  test('a grace period that is over ends in a graceful stop', async () => {
    await using started = new AsyncDisposableStack()
    const { agent, arrived, letFinish } = await servingSlowly(started, nginx, '--shutdown-grace-period', '1')
    const inFlight = agent.get('slow.test', '/')
    await arrived
    agent.signal('SIGINT')
    await eventually(() => expect(agent.get('slow.test', '/fast')).rejects.toThrow('ECONNREFUSED'))
    expect(await agent.remote.status()).toMatchObject({ health: 'stopping' })
    letFinish()
    expect((await inFlight).body).toBe('at last')
    expect(await agent.ended()).toBe(0)
  })
})

/** `nginx-ts wait-shutdown`, as a preStop hook runs it. */
async function waitShutdown({ layout }: AgentProcess) {
  const child = spawn(process.execPath, [...NODE_FLAGS, PROGRAM, 'wait-shutdown', '--state-dir', layout.root], {
    cwd: project,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [code] = await once(child, 'close')
  return { code, stderr }
}

/** An agent that serves one host, whose backend answers `/` when it is told to, and anything else at once. */
async function servingSlowly(started: AsyncDisposableStack, nginx: string, ...parameters: readonly string[]) {
  const [arrival, permission] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const answer: RequestListener = (request, response) => {
    if (request.url !== '/') return void response.end('at once')
    arrival.resolve()
    void permission.promise.then(() => response.end('at last'))
  }
  const backend = started.use(await startBackend('slow', { answer }))
  const manifests = [...serviceFor(backend), ingress('slow').host('slow.test').prefix('/', 'slow')]
  const agent = started.use(await prepareAgent(nginx))
  await agent.startReady(...parameters)
  expect(await agent.serve(...manifests)).toMatchObject({ kind: 'applied' })
  return { agent, manifests, arrived: arrival.promise, letFinish: permission.resolve }
}
