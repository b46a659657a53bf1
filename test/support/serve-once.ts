/** A program: serves one host with the NGINX of its first argument on whatever machine it finds, and prints what came of it. */
import { probeMachine } from '../../src/nginx/machine.ts'
import { startBackend } from './backend.ts'
import { ingress, serviceFor } from './objects.ts'
import { startSite } from './site.ts'

await using site = await startSite(process.argv[2] ?? 'nginx')
await using web = await startBackend('web')
const { result } = await site.serve(ingress('web').host('web.test').prefix('/', 'web'), serviceFor(web))
const answer = await site.get('web.test', '/')
const { ipv6 } = await probeMachine()
console.log(JSON.stringify({ result: result.kind, answeredBy: answer.seen?.backend, ipv6 }))
