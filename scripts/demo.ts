/**
 * `npm run demo`: serves examples/ with a real NGINX and an echo in place of the Services, and says what to ask.
 * `npm run demo -- --check` asks it all itself; it exits 0 only when every answer was right.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { ExampleRequest } from '../examples/requests.ts'
import { ask, demoUrl, describeExpected, type Ports } from './demo/ask.ts'
import { type LogLine, refuseTakenPorts, startServer } from './demo/server.ts'
import { systemNginx } from './nginx-binaries.ts'
import { assertNodeVersion, project } from './project.ts'

const MISUSE = 2
const CERTIFICATE = 'shop.example.test.pem'

const options = {
  check: { type: 'boolean', default: false },
  directory: { type: 'string', default: join(project, 'examples') },
  nginx: { type: 'string' },
  'http-port': { type: 'string', default: '8080' },
  'https-port': { type: 'string', default: '8443' },
  'status-port': { type: 'string', default: '10254' },
} as const

/** Runs the demo; resolves to the exit code. */
async function demo(): Promise<number> {
  const { values } = parseArgs({ options })
  const ports: Ports = {
    http: portNumber(values['http-port']),
    https: portNumber(values['https-port']),
    status: portNumber(values['status-port']),
  }
  const directory = resolve(values.directory)
  const { requests }: { requests: readonly ExampleRequest[] } = await import(pathToFileURL(join(directory, 'requests.ts')).href)
  await refuseTakenPorts(ports)
  buildIfNeeded()
  const nginx = values.nginx ?? (await systemNginx((line) => console.error(`nginx-ts: ${line}`)))
  const stateDirectory = await mkdtemp(join(tmpdir(), 'nginx-ts-demo-'))

  let isStarting = true
  const issues: LogLine[] = []
  const logged = (line: LogLine) => {
    // Every Service here lacks endpoints: that is what the echo is for.
    if (line.code === 'no-endpoints' || (values.check && line.level === 'info')) return
    if (!isStarting) console.log(line.msg)
    else if (line.level !== 'info') issues.push(line)
  }
  // NGINX opens standard output anew: in a file, its lines and ours would overwrite each other.
  const accessLog = process.stdout.isTTY && !values.check ? 'inherit' : 'ignore'
  const server = startServer({ directory, stateDirectory, nginx, ports, accessLog, logged })
  let wasAskedToStop = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      wasAskedToStop = true
      server.stop()
    })
  }

  try {
    await server.ready()
    isStarting = false
    if (values.check) return await check(requests, ports, directory)
    console.log(introduction(requests, ports, directory, issues))
    await server.ended
    return wasAskedToStop ? 0 : 1
  } catch (error) {
    if (wasAskedToStop) return 0
    throw error
  } finally {
    server.stop()
    await server.ended
    await rm(stateDirectory, { recursive: true, force: true })
  }
}

/** Asks for every line and prints what came back. */
async function check(requests: readonly ExampleRequest[], ports: Ports, directory: string): Promise<number> {
  const ca = readFileSync(join(directory, CERTIFICATE), 'utf8')
  const rows: (readonly string[])[] = []
  for (const request of requests) {
    const { right, came, expected } = await ask(request, ports, ca)
    rows.push([right ? 'ok' : 'WRONG', String(demoUrl(request.url, ports)), right ? came : `${came}; expected ${expected}`])
  }
  const wrong = rows.filter(([verdict]) => verdict !== 'ok').length
  console.log(table(rows))
  console.log(`\n${rows.length - wrong} right, ${wrong} wrong`)
  return rows.length > 0 && wrong === 0 ? 0 : 1
}

function introduction(requests: readonly ExampleRequest[], ports: Ports, directory: string, issues: readonly LogLine[]): string {
  const urls = requests.map((request) => {
    const { protocol, host, pathname, search } = demoUrl(request.url, ports)
    return [`${protocol}//${host}`, pathname + search, describeExpected(request, ports), request.file]
  })
  return [
    `NGINX serves ${relative(process.cwd(), directory)}/. Each request, and what answers it:`,
    '',
    table([['HOST', 'PATH', 'ANSWER', 'FILE'], ...urls]),
    '',
    'To paste:',
    '',
    ...requests.map((request) => curlLine(demoUrl(request.url, ports), directory)),
    '',
    'What nginx-ts says of these manifests:',
    '',
    ...issues.map(({ level, msg }) => `${level}: ${msg}`),
    '',
    `Change a file in ${relative(process.cwd(), directory)}/ and it is live. Metrics: http://127.0.0.1:${ports.status}/metrics`,
    'Stop with Ctrl-C.',
    '',
  ].join('\n')
}

/** `--resolve` stands in for DNS; curl would not heed it on the way through a proxy. */
function curlLine(url: URL, directory: string): string {
  const noProxy = Object.keys(process.env).some((name) => /^(http|https|all)_proxy$/i.test(name)) ? " --noproxy '*'" : ''
  const certificate = url.protocol === 'https:' ? ` --cacert ${relative(process.cwd(), join(directory, CERTIFICATE))}` : ''
  return `curl -i${noProxy}${certificate} --resolve ${url.hostname}:${url.port}:127.0.0.1 '${url}'`
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** `npm ci` builds; here it is done again when something has changed since. */
function buildIfNeeded(): void {
  const built = join(project, 'dist/main.js')
  const sources = ['src', 'templates'].flatMap((folder) =>
    readdirSync(join(project, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.test.ts'))
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
  )
  if (existsSync(built) && statSync(built).mtimeMs >= Math.max(...sources)) return
  console.error('nginx-ts: building')
  execFileSync(process.execPath, [join(project, 'scripts/build.ts')], { stdio: 'inherit' })
}

function portNumber(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Error(`a port is a number from 1 to 65535, not ${text}`)
  return port
}

assertNodeVersion()
try {
  process.exitCode = await demo()
} catch (error) {
  console.error(`nginx-ts: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = MISUSE
}
