/** The controller's own pieces in this process, a step at a time, on a store that lives from change to change. */
import { closeSync, openSync } from 'node:fs'
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { renderContextOf } from '../../src/cli/render-context.ts'
import { createStore, type ObjectStore } from '../../src/cluster/state.ts'
import type { Issue } from '../../src/model/issue.ts'
import { createAgent } from '../../src/nginx/agent.ts'
import { type Apply, createApply } from '../../src/nginx/apply.ts'
import { probeNginx } from '../../src/nginx/capabilities.ts'
import { createGenerationStore } from '../../src/nginx/generations.ts'
import { createLayout, type Layout, layoutOf } from '../../src/nginx/layout.ts'
import { probeMachine } from '../../src/nginx/machine.ts'
import { selfSignedKeyPair } from '../../src/nginx/self-signed.ts'
import { parseOptions } from '../../src/options.ts'
import { type ConfigSet, createRenderMemo, render } from '../../src/render/render.ts'
import { createTranslationMemo, translate } from '../../src/translate/translate.ts'
import { freePort } from '../support/ports.ts'

export type Plan = {
  readonly configSet: ConfigSet
  readonly issues: readonly Issue[]
  /** In milliseconds. */
  readonly times: { readonly snapshot: number; readonly translate: number; readonly render: number }
}

export type Pipeline = AsyncDisposable & {
  readonly store: ObjectStore
  readonly layout: Layout
  readonly httpPort: number
  readonly httpsPort: number
  /** What the store holds now, as a configuration. */
  plan(): Plan
  readonly apply: Apply
}

/** One worker, so that proxies are compared on one core each. NGINX starts with the first configuration applied. */
export async function createPipeline(nginx: string): Promise<Pipeline> {
  const root = await mkdtemp(join(tmpdir(), 'nginx-ts-bench-'))
  // mkdtemp makes it 0700, and workers of another account must pass.
  await chmod(root, 0o711)
  const layout = layoutOf(root)
  await createLayout(layout)
  const [binary, machine] = await Promise.all([probeNginx(nginx), probeMachine()])
  const httpPort = await freePort()
  const httpsPort = await freePort()
  const log = openSync(join(root, 'logs/error.log'), 'a')
  const lost = () => {
    throw new Error(`NGINX ended unasked; ${root}/logs/error.log says why`)
  }
  const agent = await createAgent(binary, layout, { masterLost: lost, masterRestarted: () => {} }, { stdout: log, stderr: log })
  const generations = createGenerationStore(layout, machine.workerAccount?.groupId, (path, group) => chown(path, -1, group))
  const options = parseOptions({ httpPort, httpsPort })
  const translateContext = {
    source: 'files' as const,
    canResolveNames: true,
    hasStreamModule: true,
    allowLoopback: true,
    echoSocket: undefined,
    selfSignedKeyPair: await selfSignedKeyPair(root, Date.now()),
  }
  const renderContext = renderContextOf(binary.capabilities, { ...machine, cpus: 1 }, root, layout.accessLog)
  const translationMemo = createTranslationMemo()
  const renderMemo = createRenderMemo()
  const store = createStore()

  return {
    store,
    layout,
    httpPort,
    httpsPort,
    plan() {
      const start = performance.now()
      const state = store.snapshot()
      const taken = performance.now()
      const { model, issues } = translate(state, options, translateContext, translationMemo)
      const translated = performance.now()
      const configSet = render(model, renderContext, renderMemo)
      const times = { snapshot: taken - start, translate: translated - taken, render: performance.now() - translated }
      return { configSet, issues, times }
    },
    apply: createApply(generations, agent, () => performance.now()),
    async [Symbol.asyncDispose]() {
      await agent.stop(AbortSignal.abort())
      closeSync(log)
      await rm(root, { recursive: true, force: true })
    },
  }
}
