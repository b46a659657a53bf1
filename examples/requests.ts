/** What to ask of the examples, and what must come back; `npm run demo -- --check` asks it all. URLs are without the ports of the demo. */

export type ExpectedAnswer =
  /** The Service that is chosen, as `namespace/name`, and its port, as the Ingress calls it. */
  | { readonly kind: 'service'; readonly service: string; readonly port: string }
  | { readonly kind: 'redirect'; readonly to: string }
  | { readonly kind: 'status'; readonly status: number }

export type ExampleRequest = { readonly file: string; readonly url: string; readonly answer: ExpectedAnswer }

const from = (service: string, port = '80'): ExpectedAnswer => ({ kind: 'service', service, port })
const redirect = (to: string): ExpectedAnswer => ({ kind: 'redirect', to })
const status = (code: number): ExpectedAnswer => ({ kind: 'status', status: code })

export const requests: readonly ExampleRequest[] = [
  { file: 'hosts.yaml', url: 'http://www.example.test/', answer: from('default/website') },
  { file: 'hosts.yaml', url: 'http://api.example.test/orders/17?full=yes', answer: from('default/orders', '8080') },
  { file: 'hosts.yaml', url: 'http://api.example.test/customers', answer: from('default/customers', '8080') },
  { file: 'hosts.yaml', url: 'http://api.example.test/nothing-here', answer: status(404) },
  { file: 'wildcard.yaml', url: 'http://wiki.apps.example.test/', answer: from('default/any-app') },
  { file: 'wildcard.yaml', url: 'http://admin.apps.example.test/', answer: from('default/admin-app') },
  { file: 'path-types.yaml', url: 'http://paths.example.test/cart/items', answer: from('default/cart') },
  { file: 'path-types.yaml', url: 'http://paths.example.test/cartoon', answer: status(404) },
  { file: 'path-types.yaml', url: 'http://paths.example.test/cart/checkout', answer: from('default/checkout') },
  { file: 'path-types.yaml', url: 'http://paths.example.test/cart/checkout/', answer: from('default/cart') },
  { file: 'path-types.yaml', url: 'http://paths.example.test/search/shoes', answer: from('default/search') },
  { file: 'default-backend.yaml', url: 'http://nobody-knows.example.test/', answer: from('default/welcome') },
  { file: 'default-backend.yaml', url: 'http://two.labels.apps.example.test/', answer: from('default/welcome') },
  { file: 'tls.yaml', url: 'http://shop.example.test/basket?id=1', answer: redirect('https://shop.example.test/basket?id=1') },
  { file: 'tls.yaml', url: 'https://shop.example.test/basket?id=1', answer: from('default/shop') },
  { file: 'legacy-class.yaml', url: 'http://legacy.example.test/', answer: from('default/legacy') },
  { file: 'named-ports.yaml', url: 'http://ports.example.test/', answer: from('default/app', 'web') },
  { file: 'named-ports.yaml', url: 'http://ports.example.test/metrics', answer: from('default/app', 'metrics') },
  { file: 'merged-hosts.yaml', url: 'http://company.example.test/', answer: from('team-web/home') },
  { file: 'merged-hosts.yaml', url: 'http://company.example.test/docs/install', answer: from('team-docs/docs') },
  { file: 'bad-ingress.yaml', url: 'http://claimed.example.test/', answer: from('default/owner') },
  { file: 'bad-ingress.yaml', url: 'http://claimed.example.test/news', answer: from('default/owner') },
  { file: 'bad-ingress.yaml', url: 'http://claimed.example.test/blog', answer: from('default/newcomer') },
  { file: 'protected.yaml', url: 'http://protected.example.test/', answer: status(503) },
]
