/**
 * What an operator may set. Flags are read once, at the start; the keys of a ConfigMap whenever it changes. Each has one
 * schema, which checks it and from which the reference pages are printed.
 */
import { z } from 'zod'
import { type ConfigMap, keyOf, type ObjectKey } from './cluster/objects.ts'
import type { ClusterState } from './cluster/state.ts'
import { type Issue, issue } from './model/issue.ts'
import { parseObjectName } from './model/values.ts'
import { readConfigMap } from './options/config-map.ts'
import { type ConfigMapKey, type ConfigMapOptions, configMapKeys, optionName } from './options/keys.ts'

/** `namespace/name`. */
const namespacedName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]*\/[a-z0-9][a-z0-9.-]*$/, 'write it as namespace/name')
  .refine((text) => text.split('/').every((part) => parseObjectName(part).ok), 'is not the name of an object')
  .transform((text) => {
    const [namespace = '', name = ''] = text.split('/')
    return { namespace, name }
  })

const port = z.coerce.number().int().min(1).max(65535)

/** The flags. */
export const optionsSchema = z.object({
  configmap: namespacedName
    .optional()
    .meta({ description: 'namespace/name of the ConfigMap with further options, which are followed as they change.' }),
  tcpServicesConfigmap: namespacedName.optional().meta({
    description: 'namespace/name of the ConfigMap of TCP services: ports, each with namespace/service:port[:PROXY[:PROXY]].',
  }),
  udpServicesConfigmap: namespacedName.optional().meta({
    description: 'namespace/name of the ConfigMap of UDP services: ports, each with namespace/service:port.',
  }),
  ingressClass: z
    .string()
    .min(1)
    .default('nginx-ts')
    .meta({ description: 'Class whose Ingresses are served, by name or by the legacy annotation.' }),
  controllerClass: z
    .string()
    .min(1)
    .default('nginx-ts.io/ingress-controller')
    .meta({ description: 'spec.controller of the IngressClasses that are ours.' }),
  ingressClassByName: z
    .boolean()
    .default(false)
    .meta({ description: 'Serve the IngressClass named as --ingress-class whatever its spec.controller.' }),
  watchIngressWithoutClass: z.boolean().default(false).meta({ description: 'Serve Ingresses that name no class at all, too.' }),
  takeover: z
    .boolean()
    .default(false)
    .meta({ description: "Serve ingress-nginx's Ingresses too (controller k8s.io/ingress-nginx, annotation nginx), as they are." }),
  allClasses: z.boolean().default(false).meta({ description: 'Serve every Ingress, whatever its class.' }),
  disableCatchAll: z
    .boolean()
    .default(false)
    .meta({ description: 'No defaultBackend of an Ingress answers for hosts that no rule names.' }),
  disableSvcExternalName: z.boolean().default(false).meta({ description: 'Refuse Services of type ExternalName.' }),
  httpPort: port.default(8080).meta({ description: 'Port for plain HTTP.' }),
  httpsPort: port.default(8443).meta({ description: 'Port for HTTPS.' }),
  publicHttpPort: port
    .optional()
    .meta({ description: 'HTTP port as clients see it, which backends are told; the HTTP port when not given.' }),
  publicHttpsPort: port
    .optional()
    .meta({ description: 'HTTPS port as clients see it, carried by redirects; the HTTPS port when not given.' }),
  defaultBackendService: namespacedName
    .optional()
    .meta({ description: 'namespace/name of the Service that answers what no rule matches, at its first port.' }),
  defaultSslCertificate: namespacedName
    .optional()
    .meta({ description: 'namespace/name of the Secret shown to clients that name no host with a certificate of its own.' }),
  proxyBodySize: z.coerce
    .number()
    .int()
    .min(0)
    .default(1024 * 1024)
    .meta({ description: 'Largest request body in bytes; 0 for no limit.' }),
  workerShutdownTimeout: z.coerce
    .number()
    .int()
    .min(1)
    .default(240)
    .meta({ description: 'Seconds that connections may live on in old workers after a reload or a shutdown.' }),
})

type Flags = z.output<typeof optionsSchema>

/** Options as the stages see them: checked, complete, read-only. */
export type Options = Readonly<Flags> &
  ConfigMapOptions & {
    /** Something that keeps people out is asked for and not there: no route is served. */
    readonly lacksProtection: boolean
  }
/** Options as they are given, on the command line or in a test. */
export type OptionsInput = z.input<typeof optionsSchema>

/** What holds for the keys of the ConfigMap as long as it says nothing. */
const configMapDefaults = Object.fromEntries(
  Object.entries(configMapKeys.parse({})).map(([key, value]) => [optionName(key as ConfigMapKey), value]),
) as ConfigMapOptions

/** Checks the flags and fills in the defaults; throws a ZodError that names each wrong option. */
export function parseOptions(given: OptionsInput): Options {
  return { ...configMapDefaults, lacksProtection: false, ...optionsSchema.parse(given) }
}

export type ReadOptions = { readonly options: Options; readonly issues: readonly Issue[] }

/** What a ConfigMap changes of the options that flags gave; undefined for one that is not there. */
export function optionsFromConfigMap(flags: Options, configMap: ConfigMap | undefined): ReadOptions {
  if (configMap === undefined) return { options: flags, issues: [] }
  const { options, lacksProtection, issues } = readConfigMap(configMap)
  return { options: { ...flags, ...options, lacksProtection }, issues }
}

/**
 * Reads the options that hold in a state, from the ConfigMap that `--configmap` names. As long as that is the very same
 * object, so are they: results are memoised by their identity.
 */
export function createOptionsReader(flags: Options): (state: ClusterState) => ReadOptions {
  const key = configMapKey(flags)
  if (key === undefined) return () => ({ options: flags, issues: [] })
  const missing: ReadOptions = {
    options: flags,
    issues: [
      issue(
        'configmap-not-found',
        { kind: 'ConfigMap', namespace: '', name: '', ...flags.configmap },
        {
          field: '--configmap',
          message: 'the ConfigMap does not exist; the defaults of its options hold until it does',
        },
      ),
    ],
  }
  let last: { readonly configMap: ConfigMap; readonly read: ReadOptions } | undefined
  return (state) => {
    const configMap = state.configMaps.get(key)
    if (configMap === undefined) return missing
    if (last?.configMap !== configMap) last = { configMap, read: optionsFromConfigMap(flags, configMap) }
    return last.read
  }
}

/** The ConfigMap that options are read from. */
export function configMapKey({ configmap }: Options): ObjectKey | undefined {
  return configmap && keyOf(configmap.namespace, configmap.name)
}

/** The ConfigMaps that flags name, for whoever decides which ConfigMaps are kept. */
export function configMapKeysOf({ configmap, tcpServicesConfigmap, udpServicesConfigmap }: Options): readonly ObjectKey[] {
  const names = [configmap, tcpServicesConfigmap, udpServicesConfigmap].filter((name) => name !== undefined)
  return names.map(({ namespace, name }) => keyOf(namespace, name))
}
