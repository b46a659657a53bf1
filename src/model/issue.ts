/** What is wrong in somebody's manifests, as a value with an address. Issues are answers to users; bugs are thrown. */

export type Severity = 'error' | 'warning' | 'info'

/** The object that something is said of. `namespace` is empty for cluster-wide kinds. */
export type ObjectRef = { readonly kind: string; readonly namespace: string; readonly name: string }

/** A place in a file of manifests: `document` counts from 1 within the file, `line` from 1. */
export type SourcePosition = { readonly file: string; readonly document: number; readonly line: number }

/** Every code, its severity and what it means; the reference page is printed from this table. Codes are never renamed. */
export const issueCodes = {
  'unreadable-file': { severity: 'error', meaning: 'A file could not be read.' },
  'empty-file': {
    severity: 'warning',
    meaning: 'A file is empty, as one is whose writer has just begun. What it held before stays served until it is filled or deleted.',
  },
  'invalid-yaml': { severity: 'error', meaning: 'A document is not YAML or JSON. What the file held before stays served.' },
  'invalid-object': {
    severity: 'error',
    meaning:
      'An object lacks a field or has one of the wrong type. What a file held before stays served; one from the API server is left out.',
  },
  'unsupported-version': { severity: 'error', meaning: 'The kind is one of ours, its apiVersion is not.' },
  'duplicate-object': { severity: 'error', meaning: 'Two documents define the same object; the first, by file name, is used.' },
  'access-denied': {
    severity: 'error',
    meaning: 'The API server does not let the controller list or watch a kind. What was last read of it stays, and it is asked again.',
  },
  'deletions-not-confirmed': {
    severity: 'warning',
    meaning:
      'A list of all Ingresses came back empty or with fewer than half of those known, or a list of any kind from an API server that has gone back in time, as an etcd that was restored does. What it lacks stays until a second list confirms it.',
  },
  'reference-not-read': {
    severity: 'error',
    meaning:
      'A Secret or ConfigMap that an Ingress refers to cannot be read from the API server. The Ingress stays as it was until it can.',
  },
  'invalid-host': { severity: 'error', meaning: 'The host of a rule is no DNS name; the rule is left out.' },
  'invalid-path': { severity: 'error', meaning: 'A path cannot be served; it is left out.' },
  'path-claimed': { severity: 'error', meaning: 'An older Ingress, or an earlier rule, has the same host and path; this one is left out.' },
  'catch-all-disabled': {
    severity: 'error',
    meaning: 'The Ingress would answer for every host, which --disable-catch-all forbids; it is left out.',
  },
  'regex-like-path': { severity: 'warning', meaning: 'A path looks like a regular expression but is compared literally.' },
  'regex-mode': {
    severity: 'warning',
    meaning:
      'Another Ingress makes all paths of the host regular expressions, so that paths of this one match more than they say: without case, and whatever follows.',
  },
  'rewrite-invalid': { severity: 'error', meaning: 'The target of a rewrite makes no sense for a path; the path is left out.' },
  'capture-not-found': { severity: 'warning', meaning: 'The target of a rewrite has a capture that the path lacks; it stays empty.' },
  'too-many-patterns': {
    severity: 'error',
    meaning: 'A host has more regular expressions than a request can be held against; this path is left out.',
  },
  'host-setting-claimed': { severity: 'warning', meaning: 'An older Ingress has decided this for the whole host; it has no effect.' },
  'www-redirect-not-possible': {
    severity: 'warning',
    meaning: 'The other name of the host cannot be redirected: it has rules of its own, is redirected elsewhere, or there is none.',
  },
  'backend-not-found': {
    severity: 'error',
    meaning: 'The Service does not exist; requests get 503, and a TCP or UDP port is not listened on.',
  },
  'backend-port-not-found': {
    severity: 'error',
    meaning: 'The Service has no such port; requests get 503, and a TCP or UDP port is not listened on.',
  },
  'backend-not-supported': {
    severity: 'error',
    meaning: 'The backend is of a kind that is not served; requests get 503, and a TCP or UDP port is not listened on.',
  },
  'no-endpoints': {
    severity: 'warning',
    meaning: 'The Service has no ready endpoint; requests get 503, and a TCP or UDP port is not listened on.',
  },
  'backend-without-tls': {
    severity: 'warning',
    meaning: 'TLS settings for a backend that is spoken to without TLS; they have no effect.',
  },
  'secret-not-found': {
    severity: 'error',
    meaning: 'The Secret of an annotation that protects the route does not exist; requests get 503.',
  },
  'no-cluster-ip': { severity: 'warning', meaning: 'The Service has no cluster IP to send to; requests go to its endpoints.' },
  'invalid-endpoint': { severity: 'error', meaning: 'An endpoint has an address that is not allowed; it is left out.' },
  'unknown-app-protocol': { severity: 'warning', meaning: 'The appProtocol of the Service port is unknown; HTTP/1.1 is spoken.' },
  'certificate-not-found': { severity: 'error', meaning: 'The Secret of a tls entry does not exist; the default certificate is shown.' },
  'invalid-certificate': {
    severity: 'error',
    meaning: 'The Secret holds no usable certificate and key; the default certificate is shown.',
  },
  'certificate-mismatch': { severity: 'warning', meaning: 'The certificate is not made out for the host; it is shown all the same.' },
  'tls-without-host': {
    severity: 'warning',
    meaning: 'A tls entry stands beside a rule without host; clients of no known name are shown the default certificate.',
  },
  'invalid-annotation': {
    severity: 'error',
    meaning: 'The annotation has a value that it cannot have; it has no effect, or the Ingress none.',
  },
  'unknown-annotation': { severity: 'warning', meaning: 'An annotation under our prefixes that nobody knows; it has no effect.' },
  'annotation-conflict': {
    severity: 'warning',
    meaning: 'The same annotation says otherwise under both prefixes, or in two spellings; ours counts, and of spellings the newer.',
  },
  'protection-invalid': {
    severity: 'error',
    meaning: 'An annotation that protects the route has a value that is not valid; requests get 503 until it is mended.',
  },
  'credentials-not-found': {
    severity: 'error',
    meaning: 'The Secret that has the users of a route does not exist or has none; requests get 503 until it has.',
  },
  'credentials-elsewhere': {
    severity: 'error',
    meaning: 'The Secret that has the users of a route is in another namespace, which is not read; requests get 503.',
  },
  'invalid-credentials': {
    severity: 'error',
    meaning: 'A line of a Secret is no user with the hash of a password; that user cannot log in, the others can.',
  },
  'authentication-not-asked': {
    severity: 'warning',
    meaning: 'Annotations of basic authentication stand without auth-type, and without it nobody is asked for a password.',
  },
  'protection-unavailable': {
    severity: 'error',
    meaning: 'What an annotation that protects the route refers to is missing or cannot be used; requests get 503 until it can.',
  },
  'annotation-not-supported': { severity: 'warning', meaning: 'The annotation is not understood yet and has no effect.' },
  'protection-not-supported': {
    severity: 'error',
    meaning: 'The annotation protects the route, or the option all routes, and is not understood yet; requests get 503.',
  },
  'canary-without-main': {
    severity: 'error',
    meaning: 'No Ingress of the namespace has the host, path and path type of a canary; the canary gets no requests there.',
  },
  'canary-weight': {
    severity: 'error',
    meaning: 'The weight of a canary, or those of several together, is more than the whole; what is above it counts for nothing.',
  },
  'too-many-canaries': {
    severity: 'error',
    meaning: 'A path has more canaries than NGINX can tell apart; the youngest get no requests there.',
  },
  'canary-off': {
    severity: 'info',
    meaning:
      'An Ingress that says canary: false, as one at rest does, has a host and path that an older one has; it gets no requests there.',
  },
  'canary-annotation': {
    severity: 'info',
    meaning: "An annotation of a canary that only the main Ingress can say; it has no effect, and the main Ingress' holds.",
  },
  'foreign-annotation': { severity: 'info', meaning: "The annotation is another controller's; it has no effect here." },
  'configmap-not-found': {
    severity: 'warning',
    meaning: 'A ConfigMap that a flag names does not exist: the defaults of its options hold, and there are no TCP or UDP services of it.',
  },
  'invalid-option': {
    severity: 'error',
    meaning: 'A key of the ConfigMap has a value that it cannot have; its default holds, or nobody is let in where it keeps people out.',
  },
  'unknown-option': { severity: 'warning', meaning: 'The ConfigMap has a key that is unknown; it has no effect.' },
  'option-not-supported': {
    severity: 'warning',
    meaning: 'The ConfigMap has a key that ingress-nginx knows and that has no effect here, or not yet.',
  },
  'unsafe-option': { severity: 'warning', meaning: 'An option does what it says, and lets clients do what they should not.' },
  'invalid-stream-service': {
    severity: 'error',
    meaning: 'A key or a value of the ConfigMap of TCP or UDP services is not valid, or its port is our own; that service is left out.',
  },
  'stream-not-supported': {
    severity: 'error',
    meaning: 'NGINX has no stream module, without which there are no TCP and UDP services.',
  },
  'stream-port-unavailable': {
    severity: 'error',
    meaning:
      'NGINX cannot listen on the port of a TCP or UDP service: another program does, or it lacks the right to. The service is left out, and the port is tried again every few seconds.',
  },
  'stream-proxy-protocol': {
    severity: 'warning',
    meaning: 'PROXY is asked for a UDP service, which NGINX has for TCP only; its datagrams are passed on without.',
  },
  'configuration-refused': { severity: 'error', meaning: 'NGINX refused the configuration; the one before stays.' },
} as const satisfies Record<string, { readonly severity: Severity; readonly meaning: string }>

export type IssueCode = keyof typeof issueCodes

export type Issue = {
  readonly code: IssueCode
  readonly severity: Severity
  readonly object: ObjectRef | undefined
  readonly source: SourcePosition | undefined
  /** Path of the field within the object, as `spec.rules[0].host`. */
  readonly field: string | undefined
  readonly annotation: string | undefined
  /** What is wrong and what happens meanwhile: one line of at most 256 characters. */
  readonly message: string
}

export type IssueDetails = {
  readonly message: string
  readonly source?: SourcePosition
  readonly field?: string
  readonly annotation?: string
}

const LONGEST_MESSAGE = 256
/** What is kept of the beginning of a longer one; the rest of the room is its end, where the reason stands. */
const KEPT_BEGINNING = 80

/** Makes an Issue; text of the user's own in the message comes out on one line, harmless to logs and terminals. */
export function issue(code: IssueCode, object: ObjectRef | undefined, details: IssueDetails): Issue {
  return {
    code,
    severity: issueCodes[code].severity,
    object: object && { kind: object.kind, namespace: printable(object.namespace), name: printable(object.name) },
    source: details.source,
    field: details.field === undefined ? undefined : printable(details.field),
    annotation: details.annotation === undefined ? undefined : printable(details.annotation),
    message: printable(details.message),
  }
}

/** `Ingress shop/web`, or `IngressClass nginx-ts` for a cluster-wide kind. */
export function describeObject(object: ObjectRef): string {
  return `${object.kind} ${object.namespace === '' ? object.name : `${object.namespace}/${object.name}`}`
}

/** One line for people: position, object, field, message. */
export function describeIssue(found: Issue): string {
  const position = found.source && `${printable(found.source.file)}:${found.source.line}`
  const address = [position, found.object && describeObject(found.object), found.annotation ?? found.field]
  const where = address.filter((part) => part !== undefined).join(' ')
  return `${where === '' ? '' : `${where}: `}${found.message} [${found.code}]`
}

/** The text with control characters and bidirectional overrides escaped, cut in the middle where it is longer than that. */
export function printable(text: string, longest = LONGEST_MESSAGE): string {
  const escaped = text.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu,
    (character) => `\\u${character.codePointAt(0)?.toString(16).padStart(4, '0')}`,
  )
  if (escaped.length <= longest) return escaped
  const end = escaped.slice(escaped.length - (longest - KEPT_BEGINNING - 1))
  return `${escaped.slice(0, KEPT_BEGINNING)}…${end}`.toWellFormed()
}
