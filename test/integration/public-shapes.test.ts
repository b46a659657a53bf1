import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { parseAllDocuments } from 'yaml'
import { project } from '../../scripts/project.ts'
import { otherNames } from '../../src/annotations/other-names.ts'
import { keyUnder, PREFIXES } from '../../src/annotations/prefixes.ts'
import { featureOfKey } from '../../src/annotations/read.ts'
import { lintCommand, translateOffline } from '../../src/cli/offline.ts'
import type { EchoAnswer } from '../../src/echo.ts'
import type { Issue } from '../../src/model/issue.ts'
import { parseOptions } from '../../src/options.ts'
import type { Answer } from '../support/client.ts'
import type { Manifest } from '../support/objects.ts'
import { type Site, startSite, testedNginx } from '../support/site.ts'

type Shape = {
  /** URL → the Service and port that answer, or the status. */
  readonly answers: Readonly<Record<string, string>>
  /** Code and Ingress of each Issue, but for annotations without effect and the missing endpoints. */
  readonly issues: readonly string[]
}

const served = (answers: Shape['answers'], ...issues: string[]): Shape => ({ answers, issues })

const shapes: Readonly<Record<string, Shape>> = {
  '01-cert-manager-tls': served(
    { 'http://echo.certified.test/': '308', 'https://echo.certified.test/': 'certified/echo:80' },
    'certificate-not-found certified/echo-ingress',
  ),
  '02-rewrite-target': served(
    { 'http://rewritten.test/': 'rewritten/client-service:80', 'http://rewritten.test/api/x': 'rewritten/api-service:3000' },
    'capture-not-found rewritten/backend-ingress',
  ),
  '03-several-hosts': served({
    'http://foo.several.test/': 'several/service1:80',
    'http://bar.several.test/': 'several/service2:80',
    'http://bar.several.test/healthz': 'several/service3:8080',
  }),
  '04-no-class': served({ 'http://classless.test/testpath': 'classless/test:80' }),
  '05-legacy-class-named-ports': served({ 'http://jenkins.legacy.test/jenkins/login': 'legacy/jenkins:http' }),
  '06-grafana-helm': served({
    'http://grafana.monitoring.test/': '308',
    'https://grafana.monitoring.test/d/1': 'monitoring/release-grafana:80',
  }),
  '07-oauth2-proxy': served(
    { 'http://dashboard.oauth.test/': '503', 'http://dashboard.oauth.test/oauth2/start': 'oauth/oauth2-proxy:4180' },
    // Its authentication server has no endpoints here.
    'protection-unavailable oauth/dashboard',
  ),
  '08-basic-auth': served({ 'http://basic.test/': '503' }, 'credentials-not-found basic/ingress-with-auth'),
  '09-prometheus-allow-list': served({
    'http://prometheus.metrics.test/': '403',
    'http://alertmanager.metrics.test/': 'metrics/alertmanager-main:web',
  }),
  '10-canary-pair': served({ 'http://app.canaries.test/': 'canaries/production:80' }),
  '11-gitlab': served(
    { 'http://gitlab.gitlab.test/': '308', 'https://gitlab.gitlab.test/group/project': 'gitlab/gitlab-webservice-default:8181' },
    'certificate-not-found gitlab/gitlab-webservice-default',
  ),
  '12-harbor': served(
    {
      'http://core.harbor.test/': '308',
      'https://core.harbor.test/v2/': 'harbor/harbor-core:80',
      'https://core.harbor.test/api/v2.0/projects': 'harbor/harbor-core:80',
      'https://core.harbor.test/harbor': 'harbor/harbor-portal:80',
    },
    'certificate-not-found harbor/harbor-ingress',
    ...Array<string>(2).fill('foreign-annotation harbor/harbor-ingress'),
  ),
  '13-argocd': served({ 'http://argocd.argocd.test/': '308', 'https://argocd.argocd.test/': 'argocd/argocd-server:https' }),
  '14-nextcloud-snippets': served({ 'http://nextcloud.nextcloud.test/': '503' }, 'protection-not-supported nextcloud/nextcloud'),
  '15-keycloak': served({
    'http://keycloak.keycloak.test/realms/master': 'keycloak/keycloak:http',
    'http://keycloak.keycloak.test/admin': '404',
  }),
  '16-minio-wildcard': served(
    {
      'https://minio.test/': 'minio/minio:9000',
      'http://photos.minio.test/': '308',
      'https://photos.minio.test/cat.png': 'minio/minio-buckets:9000',
    },
    'certificate-not-found minio/minio',
    'unknown-annotation minio/minio',
  ),
  // Not served: the default backend of 19 answers for its host.
  '17-v1beta1': served({ 'http://beta.test/': 'listed/catch-all:80' }, 'unsupported-version beta/old-ingress'),
  '18-app-in-one-file': served({ 'http://guestbook.one-file.test/': 'one-file/guestbook:80' }),
  '19-list-with-default-backend': served({
    'http://nobody-knows.test/': 'listed/catch-all:80',
    'http://blog.listed.test/': 'listed/ghost:2368',
  }),
  '20-unquoted-boolean': served({ 'http://unquoted.test/': 'listed/catch-all:80' }, 'invalid-object unquoted/forgotten-quotes'),
  '21-websockets': served({ 'http://chat.sockets.test/socket.io/?transport=websocket': 'sockets/chat:3000' }),
  '22-other-controllers': served(
    { 'http://whoami.foreign.test/': 'foreign/whoami:80', 'http://game.foreign.test/': 'foreign/service-2048:80' },
    ...Array<string>(2).fill('foreign-annotation foreign/whoami'),
    ...Array<string>(2).fill('foreign-annotation foreign/game-2048'),
  ),
}

const folder = join(project, 'test/fixtures/public-shapes')
const options = parseOptions({ allClasses: true })

async function objectsOf(shape: string): Promise<readonly Manifest[]> {
  const documents = parseAllDocuments(await readFile(join(folder, `${shape}.yaml`), 'utf8'))
  return documents.map((document) => document.toJS() as Manifest | null).filter((object) => object !== null)
}

const ingressOf = ({ object }: Issue) => `${object?.namespace}/${object?.name}`

function describeAnswer({ status, body }: Answer): string {
  if (status !== 200) return String(status)
  const { service }: EchoAnswer = JSON.parse(body)
  return `${service.namespace}/${service.name}:${service.port}`
}

test('every manifest has its expectations', async () => {
  expect((await readdir(folder)).sort()).toEqual(Object.keys(shapes).map((shape) => `${shape}.yaml`))
})

describe.each(await testedNginx())('manifests as public repositories have them, NGINX %s', (_version, nginx) => {
  let site: Site
  let issues: readonly Issue[]

  beforeAll(async () => {
    site = await startSite(nginx, { echo: true, options: { allClasses: true } })
    const objects = await Promise.all(Object.keys(shapes).map(objectsOf))
    const outcome = await site.serve(...objects.flat())
    expect(outcome.result.kind).toBe('applied')
    issues = outcome.issues
  })
  afterAll(async () => await site[Symbol.asyncDispose]())

  test.each(Object.entries(shapes))('%s is served or explained', async (shape, { answers, issues: expected }) => {
    for (const [text, answer] of Object.entries(answers)) {
      const { protocol, host, pathname, search } = new URL(text)
      const get = protocol === 'https:' ? site.getTls : site.get
      expect([text, describeAnswer(await get(host, pathname + search))]).toEqual([text, answer])
    }
    const named = new Set(ingressesIn(await objectsOf(shape)).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`))
    const unremarkable = new Set(['backend-not-found', 'no-endpoints', 'annotation-not-supported'])
    const found = issues.filter((issue) => named.has(ingressOf(issue)) && !unremarkable.has(issue.code))
    expect(found.map((issue) => `${issue.code} ${ingressOf(issue)}`).sort()).toEqual([...expected].sort())
  })
})

test('lint names every annotation that is not understood, and the field of each Ingress it cannot read', async () => {
  const printed: string[] = []
  const result = await translateOffline(folder, options, 'nginx', '/var/lib/nginx-ts')
  expect(lintCommand(result, 'json', (text) => printed.push(text))).toBe(1)
  const { issues }: { issues: readonly Issue[] } = JSON.parse(printed.join('\n'))

  const manifests = (await Promise.all(Object.keys(shapes).map(objectsOf))).flat()
  const written = ingressesIn(manifests).flatMap(({ apiVersion, metadata }) =>
    Object.entries(metadata.annotations ?? {})
      .filter(([name, value]) => isWithoutEffect(name, String(value)))
      .map(([name]) => ({ ingress: `${metadata.namespace}/${metadata.name}`, name, isRead: isReadable(apiVersion, metadata) })),
  )
  const named = issues
    .filter(({ code }) => ['unknown-annotation', 'annotation-not-supported', 'protection-not-supported'].includes(code))
    .map((issue) => `${ingressOf(issue)} ${issue.annotation}`)
  expect(named.sort()).toEqual(
    written
      .filter(({ isRead }) => isRead)
      .map(({ ingress, name }) => `${ingress} ${name}`)
      .sort(),
  )

  const refused = issues.filter(({ code }) => code === 'invalid-object' || code === 'unsupported-version')
  expect(refused.map((issue) => [ingressOf(issue), issue.field])).toEqual([
    ['beta/old-ingress', 'apiVersion'],
    ['unquoted/forgotten-quotes', 'metadata.annotations.nginx.ingress.kubernetes.io/ssl-redirect'],
  ])
})

/** Under our prefixes, of no feature, and with a value that asks for something. */
function isWithoutEffect(annotation: string, value: string): boolean {
  const key = keyUnder(PREFIXES, annotation)
  return key !== undefined && !featureOfKey.has(key) && otherNames[key]?.idle.includes(value) !== true
}

type IngressManifest = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly namespace: string; readonly name: string; readonly annotations?: Readonly<Record<string, unknown>> }
}

function ingressesIn(objects: readonly Manifest[]): readonly IngressManifest[] {
  const unfolded = objects.flatMap((object) => (object['kind'] === 'List' ? (object['items'] as readonly Manifest[]) : [object]))
  return unfolded.filter((object) => object['kind'] === 'Ingress') as unknown as readonly IngressManifest[]
}

/** What an API server of today would take. */
function isReadable(apiVersion: string, { annotations = {} }: IngressManifest['metadata']): boolean {
  return apiVersion === 'networking.k8s.io/v1' && Object.values(annotations).every((value) => typeof value === 'string')
}
