/**
 * The two containers as the chart starts them: the users, the group and the mounts that it gives them are enough, and the
 * one with NGINX cannot write what it serves. What a kubelet would do is done with setpriv and mount.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, copyFile, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from '@jest/globals'
import { probeMachine } from '../../src/nginx/machine.ts'
import { startApiServer } from '../support/api-server.ts'
import { startBackend } from '../support/backend.ts'
import { createAuthority } from '../support/certificates.ts'
import { fieldOf, find, render } from '../support/chart.ts'
import { send } from '../support/client.ts'
import { newestNginx, OUR_CLASS, podAddress } from '../support/cluster.ts'
import { apply } from '../support/cluster-objects.ts'
import { eventually } from '../support/eventually.ts'
import { ingress, type Manifest, serviceFor, tlsSecret } from '../support/objects.ts'
import { freePort } from '../support/ports.ts'
import { endGroup, NODE_FLAGS, project } from '../support/serve.ts'

/** There are no other users where root is the only one that is mapped. */
const testWithUsers = ((await probeMachine()).workerAccount?.groupId ?? 0) > 0 ? test : test.skip
const STATE_DIRECTORY = '/var/lib/nginx-ts/'
const VOLUMES = ['conf', 'run', 'temp', 'logs']

type Mount = { readonly mountPath: string; readonly readOnly?: boolean }

/** Who a container is and what it may write, from the rendered Pod. */
function containerOf(pod: unknown, name: string) {
  const mounts = fieldOf(pod, `containers.${name}.volumeMounts`) as readonly Mount[]
  return {
    user: `${fieldOf(pod, `containers.${name}.securityContext.runAsUser`)}`,
    group: `${fieldOf(pod, `containers.${name}.securityContext.runAsGroup`)}`,
    args: fieldOf(pod, `containers.${name}.args`) as readonly string[],
    readOnly: mounts.filter(({ readOnly }) => readOnly).flatMap(({ mountPath }) => mountPath.split(STATE_DIRECTORY)[1] ?? []),
  }
}

/** As a container of that user, with what is mounted read-only for it. Arguments after those of the chart count. */
function start(root: string, container: ReturnType<typeof containerOf>, ...others: readonly string[]): ChildProcess {
  const mounts = container.readOnly.map(
    (name) => `mount --bind ${root}/${name} ${root}/${name} && mount -o remount,bind,ro ${root}/${name}`,
  )
  const user = ['setpriv', '--reuid', container.user, '--regid', container.group, '--clear-groups', '--no-new-privs', '--pdeathsig', 'KILL']
  const command = [process.execPath, ...NODE_FLAGS, 'src/main.ts', ...container.args, '--state-dir', root, ...others]
  const script = [...mounts, 'exec "$@"'].join(' && ')
  return spawn('unshare', ['--mount', 'sh', '-c', script, 'sh', ...user, ...command], { cwd: project, stdio: 'ignore' })
}

/** The volumes of the Pod as a kubelet makes them with fsGroup, and copies of what else every user must be able to read. */
async function makeVolumes(group: number, kubeconfig: string) {
  const root = await mkdtemp(join(tmpdir(), 'nginx-ts-users-'))
  await chmod(root, 0o755)
  for (const name of VOLUMES) {
    await mkdir(join(root, name))
    await chown(join(root, name), 0, group)
    await chmod(join(root, name), 0o2777)
  }
  await cp(dirname(await newestNginx()), join(root, 'nginx'), { recursive: true, verbatimSymlinks: true })
  await copyFile(kubeconfig, join(root, 'kubeconfig'))
  execFileSync('chmod', ['-R', 'a+rX', join(root, 'nginx'), join(root, 'kubeconfig')])
  return { root, nginx: join(root, 'nginx/nginx'), kubeconfig: join(root, 'kubeconfig') }
}

testWithUsers(
  'the containers of the chart serve a certificate that only their group may read, and end by the preStop hook',
  async () => {
    await using ended = new AsyncDisposableStack()
    const api = ended.use(await startApiServer())
    const pod = fieldOf(find(await render({}), 'Deployment nginx-ts-controller'), 'spec.template.spec')
    const volumes = await makeVolumes(fieldOf(pod, 'securityContext.fsGroup') as number, api.kubeconfig)
    const { root } = volumes
    ended.defer(() => rm(root, { recursive: true, force: true }))
    const [http, https, healthz, status] = [await freePort(), await freePort(), await freePort(), await freePort()]
    const [controller, nginx] = [containerOf(pod, 'controller'), containerOf(pod, 'nginx')]
    expect(controller.user).not.toBe(nginx.user)

    const agent = start(root, nginx, '--nginx', volumes.nginx, '--status-port', `${status}`, '--shutdown-grace-period', '0')
    ended.defer(async () => {
      agent.kill('SIGKILL')
      endGroup(Number((await readFile(join(root, 'run/nginx.pid'), 'utf8').catch(() => '')) || Number.NaN))
    })
    const ports = ['--http-port', `${http}`, '--https-port', `${https}`, '--healthz-port', `${healthz}`]
    const control = start(
      root,
      controller,
      '--kubeconfig',
      volumes.kubeconfig,
      '--update-status',
      'false',
      '--disable-leader-election',
      ...ports,
    )
    ended.defer(() => void control.kill('SIGKILL'))

    const backend = ended.use(await startBackend('web', { address: podAddress(1) }))
    const { chain, key } = await (await createAuthority()).issue(['shop.test'])
    const options: Manifest = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'ingress', name: 'nginx-ts-controller' },
      data: {},
    }
    const shop = ingress('shop').host('shop.test').prefix('/', 'web').tls('shop', 'shop.test')
    await apply(api.client, OUR_CLASS, options, ...serviceFor(backend), tlsSecret('shop', chain, key), shop)
    await eventually(async () => expect(await send(https, 'shop.test', '/', { sni: 'shop.test' })).toComeFrom('web'), { timeoutMs: 60_000 })
    for (const port of [healthz, status]) await eventually(async () => expect(await send(port, 'localhost', '/readyz')).toHaveStatus(200))

    const asNginx = (...command: readonly string[]) =>
      spawnSync('setpriv', ['--reuid', nginx.user, '--regid', nginx.group, '--clear-groups', ...command], {
        cwd: project,
        encoding: 'utf8',
      })
    // Without the mount, even: the files are the controller's.
    expect(asNginx('sh', '-c', `echo >> ${root}/conf/nginx.conf`).stderr).toContain('Permission denied')
    const [program = '', hook = ''] = fieldOf(pod, 'containers.nginx.lifecycle.preStop.exec.command') as readonly string[]
    expect(program).toBe('nginx-ts')
    const hooked = asNginx(process.execPath, ...NODE_FLAGS, 'src/main.ts', hook, '--state-dir', root)
    expect([hooked.status, hooked.stderr]).toEqual([0, ''])
    if (agent.exitCode === null) await once(agent, 'exit')
    expect(agent.exitCode).toBe(0)
  },
  180_000,
)
