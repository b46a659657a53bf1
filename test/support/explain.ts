/** Explanations of objects as a manifest has them, without a process. */
import { createStore } from '../../src/cluster/state.ts'
import { type ExplainInput, explain } from '../../src/explain/explain.ts'
import type { AnnotationExplanation, Explanation, IngressExplanation } from '../../src/explain/schema.ts'
import { ALL_KINDS } from '../../src/explain/stand-ins.ts'
import { parseManifests } from '../../src/files/manifests.ts'
import { mustParse, parseGeneratedName } from '../../src/model/values.ts'
import { capabilitiesOf } from '../../src/nginx/capabilities.ts'
import { parseOptions } from '../../src/options.ts'
import { type StateObject, storeOf } from './state.ts'

const CONTEXTS: Pick<ExplainInput, 'translateContext' | 'renderContext'> = {
  translateContext: {
    source: 'files',
    canResolveNames: true,
    hasStreamModule: true,
    allowLoopback: false,
    echoSocket: undefined,
    selfSignedKeyPair: { name: mustParse(parseGeneratedName('self-signed')), pem: '' },
  },
  renderContext: {
    capabilities: capabilitiesOf('1.30.0'),
    root: '/var/lib/nginx-ts',
    accessLog: '/dev/stdout',
    ipv6: true,
    nameServers: [],
    workerAccount: undefined,
    workerProcesses: 1,
    workerConnections: 1024,
    workerOpenFiles: 2048,
  },
}

/** Explains a state; what is not said is as for manifests of every class. */
export function explainState(state: ExplainInput['state'], given: Partial<ExplainInput> = {}): Explanation {
  return explain({
    source: { kind: 'manifests', name: 'test' },
    state,
    presumed: ALL_KINDS,
    unread: [],
    issues: [],
    positionOf: () => undefined,
    isChosen: () => true,
    options: parseOptions({ allClasses: true }),
    ...CONTEXTS,
    ...given,
  })
}

export function explainObjects(objects: readonly StateObject[], given: Partial<ExplainInput> = {}): Explanation {
  return explainState(storeOf(...objects).snapshot(), given)
}

/** Explains a text of manifests. */
export function explainText(text: string): Explanation {
  const store = createStore()
  const { objects, issues } = parseManifests(text, 'test.yaml')
  for (const { object } of objects) store.set(object)
  return explainState(store.snapshot(), { issues })
}

/** By its name, whatever its namespace. */
export function ingressIn({ ingresses }: Explanation, name: string): IngressExplanation {
  const found = ingresses.find((one) => one.name === name)
  if (found === undefined) throw new Error(`there is no Ingress ${name}`)
  return found
}

/** By its key, of the first Ingress that has it. */
export function annotationIn({ ingresses }: Explanation, key: string): AnnotationExplanation {
  const found = ingresses.flatMap(({ annotations }) => annotations).find((one) => one.key === key)
  if (found === undefined) throw new Error(`there is no annotation ${key}`)
  return found
}
