/** What an operator may set, whatever it came from: one schema, which checks it and from which the reference page is printed. */
import { z } from 'zod'

/** `namespace/name`. */
const namespacedName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]*\/[a-z0-9][a-z0-9.-]*$/, 'write it as namespace/name')
  .transform((text) => {
    const [namespace = '', name = ''] = text.split('/')
    return { namespace, name }
  })

const port = z.coerce.number().int().min(1).max(65535)

export const optionsSchema = z.object({
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
  httpPort: port.default(8080).meta({ description: 'Port for plain HTTP.' }),
  httpsPort: port.default(8443).meta({ description: 'Port for HTTPS.' }),
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

/** Options as the stages see them: checked, complete, read-only. */
export type Options = Readonly<z.output<typeof optionsSchema>>
/** Options as they are given, on the command line or in a test. */
export type OptionsInput = z.input<typeof optionsSchema>

/** Checks what was given and fills in the defaults; throws a ZodError that names each wrong option. */
export function parseOptions(given: OptionsInput): Options {
  return optionsSchema.parse(given)
}
