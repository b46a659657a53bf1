/** The quoting filters, and the reader that other tests judge by, held against NGINX itself: what it makes of each token is what it answers. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { filters } from '../../src/render/filters.ts'
import { parseDirectives } from '../support/directive-tree.ts'
import { eventually } from '../support/eventually.ts'
import { anyText, hostileText, hostileTexts } from '../support/hostile.ts'
import { testedNginx } from '../support/site.ts'

/** Kept for a run that fails: the same seed, the same texts. */
const SEED = Math.trunc(Math.random() * 2 ** 31)

type Answers = (path: string) => Promise<string>

/** Runs a bare NGINX whose location `/n` answers with the n-th token; `ask` is given what answers. */
async function answering(nginx: string, tokens: readonly string[], ask: (answers: Answers) => Promise<void>) {
  const folder = await mkdtemp(join(tmpdir(), 'nginx-ts-quoting-'))
  const socket = join(folder, 'socket')
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`)
  const locations = tokens.map((token, index) => `location = /${index} { return 200 ${token}; }`)
  const server = `server { listen unix:${socket}; ${locations.join('\n')} }`
  const http = `http { access_log off; ${temp.join(' ')} geo $dollar { default "$"; } ${server} }`
  await writeFile(join(folder, 'nginx.conf'), `daemon off; master_process off; pid ${folder}/pid; error_log stderr; events { }\n${http}\n`)
  const child = spawn(nginx, ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: ['ignore', 'ignore', 'pipe'] })
  const complaints = text(child.stderr)
  const ended = once(child, 'exit')
  try {
    // The file is there before NGINX listens.
    await eventually(async () => child.exitCode ?? (await connected(socket)))
    if (child.exitCode !== null) throw new Error(`NGINX refused the configuration: ${await complaints}`)
    await ask(async (path) => {
      const sending = request({ socketPath: socket, path, agent: false }).end()
      const [response] = await once(sending, 'response')
      return await text(response)
    })
  } finally {
    child.kill('SIGTERM')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
}

async function connected(path: string) {
  const socket = createConnection(path)
  await once(socket, 'connect')
  socket.destroy()
}

describe.each(await testedNginx())('NGINX %s', (_version, nginx) => {
  test(`answers with the very text that was written through \`interpolated\` (seed ${SEED})`, async () => {
    const texts = [...hostileTexts, ...fc.sample(fc.oneof(hostileText(), anyText()), { numRuns: 500, seed: SEED })]
    const written = texts.flatMap((plain) => {
      try {
        return [{ plain, token: filters.interpolated(plain) }]
      } catch {
        return []
      }
    })
    expect(written.length).toBeGreaterThan(300)
    await answering(
      nginx,
      written.map(({ token }) => token),
      async (answers) => {
        for (const [index, { plain }] of written.entries()) expect(await answers(`/${index}`)).toBe(plain)
      },
    )
  })

  test(`reads tokens as the reader of the tests does (seed ${SEED})`, async () => {
    const piece = fc.constantFrom(
      '\\',
      '\\\\',
      '"',
      "'",
      '\\"',
      "\\'",
      '\\t',
      '\\n',
      '\\r',
      '\\x',
      'a',
      ' ',
      ';',
      '{',
      '}',
      '#',
      '\n',
      '\r',
      'é',
      ')',
    )
    const quoted = fc
      .tuple(fc.constantFrom('"', "'", ''), fc.array(piece, { maxLength: 8 }))
      .map(([quote, pieces]) => quote + pieces.join('') + quote)
    const tokens = fc.sample(quoted, { numRuns: 3000, seed: SEED }).flatMap((token) => {
      const read = readAlone(token)
      return read === undefined ? [] : [{ token, read }]
    })
    expect(tokens.length).toBeGreaterThan(300)
    await answering(
      nginx,
      tokens.map(({ token }) => token),
      async (answers) => {
        for (const [index, { token, read }] of tokens.entries()) expect([token, await answers(`/${index}`)]).toEqual([token, read])
      },
    )
  })
})

/** The one argument that a token is, for the reader of the tests; undefined for what is none, several or more than a token. */
function readAlone(token: string): string | undefined {
  try {
    const [location, ...others] = parseDirectives(`location { return 200 ${token}; }\nnext;`)
    const [directive, ...more] = location?.block ?? []
    const isOne = others.length === 1 && more.length === 0 && directive?.args.length === 2 && directive.block === undefined
    return isOne ? directive.args[1] : undefined
  } catch {
    return undefined
  }
}
