/** Manifests → configuration without any NGINX: what the stages make of objects, however wrong. */
import { createStore } from '../../src/cluster/state.ts'
import { parseManifests } from '../../src/files/manifests.ts'
import type { Issue } from '../../src/model/issue.ts'
import type { Model } from '../../src/model/model.ts'
import { mustParse, parseGeneratedName } from '../../src/model/values.ts'
import { capabilitiesOf } from '../../src/nginx/capabilities.ts'
import { createOptionsReader, type OptionsInput, parseOptions } from '../../src/options.ts'
import { type ConfigSet, createRenderMemo, type RenderContext, type RenderMemo, render } from '../../src/render/render.ts'
import { createTranslationMemo, type TranslateContext, type TranslationMemo, translate } from '../../src/translate/translate.ts'
import type { Manifest } from './objects.ts'

export type Configuration = { readonly issues: readonly Issue[]; readonly model: Model; readonly configSet: ConfigSet }

export type ConfigurationSettings = {
  readonly options?: OptionsInput
  readonly nginxVersion?: string
  readonly echo?: boolean
  readonly memos?: { readonly translation: TranslationMemo; readonly render: RenderMemo }
}

/** Nothing here depends on the machine, so that configurations can be compared and kept. */
export function configurationOf(objects: readonly Manifest[], settings: ConfigurationSettings = {}): Configuration {
  return configurationOfText(JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }), settings)
}

/** The same for the text of a file. */
export function configurationOfText(text: string, settings: ConfigurationSettings = {}): Configuration {
  const { nginxVersion = '1.30.0', echo = false, memos = freshMemos() } = settings
  const manifests = parseManifests(text, 'test.yaml')
  const store = createStore()
  for (const { object } of manifests.objects) store.set(object)
  const context: TranslateContext = echo ? WITH_ECHO : WITHOUT_ECHO
  const state = store.snapshot()
  const read = createOptionsReader(optionsOnce(settings.options))(state)
  const { model, issues } = translate(state, read.options, context, memos.translation)
  return {
    issues: [...manifests.issues, ...read.issues, ...issues],
    model,
    configSet: render(model, renderContextOnce(nginxVersion), memos.render),
  }
}

export function freshMemos() {
  return { translation: createTranslationMemo(), render: createRenderMemo() }
}

/** The text of each host's server; the catch-all's is under ''. */
export function serverTexts({ configSet }: Configuration): ReadonlyMap<string, string> {
  const files = new Map(configSet.files.map(({ path, text }) => [path, text]))
  return new Map(
    configSet.servers.map(({ server, path }) => [
      server.host.kind === 'any' ? '' : server.host.kind === 'exact' ? server.host.name : `*.${server.host.parent}`,
      files.get(path) ?? '',
    ]),
  )
}

export const WITHOUT_ECHO: TranslateContext = {
  source: 'files',
  canResolveNames: true,
  hasStreamModule: true,
  allowLoopback: true,
  echoSocket: undefined,
  selfSignedKeyPair: { name: mustParse(parseGeneratedName('self-signed')), pem: '' },
}
const WITH_ECHO: TranslateContext = { ...WITHOUT_ECHO, echoSocket: '/state/run/echo.sock' }

/** Memos go by identity, so equal settings give the very same objects. */
const optionsOnce = once((given: OptionsInput | undefined) => parseOptions({ httpPort: 80, httpsPort: 443, ...given }))
export const renderContextOnce = once(
  (version: string): RenderContext => ({
    capabilities: capabilitiesOf(version),
    root: '/state',
    accessLog: '/dev/stdout',
    ipv6: true,
    nameServers: [{ address: '10.96.0.10', port: 53 }],
    workerAccount: undefined,
    workerProcesses: 2,
    workerConnections: 1024,
    workerOpenFiles: 4096,
  }),
)

function once<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const made = new Map<string, Value>()
  return (key) => {
    const slot = JSON.stringify(key) ?? ''
    const known = made.get(slot) ?? make(key)
    made.set(slot, known)
    return known
  }
}
