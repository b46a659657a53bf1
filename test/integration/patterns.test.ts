/** Whatever parsePattern takes, PCRE compiles: held against NGINX's own, of each version, by the thousand. */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Pattern, parsePattern } from '../../src/model/pattern.ts'
import { filters } from '../../src/render/filters.ts'
import { hostileText, hostileTexts } from '../support/hostile.ts'
import { testedNginx } from '../support/site.ts'

/** Kept for a run that fails: the same seed, the same texts. */
const SEED = Math.trunc(Math.random() * 2 ** 31)

const PIECES = [
  ...[
    'a',
    'B',
    '7',
    '-',
    '_',
    '/',
    ' ',
    '.',
    '^',
    '$',
    '|',
    '"',
    ';',
    '#',
    '%',
    'ä',
    '\u2028',
    '😀',
    '{',
    '}',
    ']',
    '[',
    ')',
    '(',
    '\\',
    '!',
    ':',
    '=',
  ],
  ...[
    '(',
    '(?:',
    '(?=',
    '(?!',
    '(?i)',
    '(?<x>',
    '(?<=',
    '(?>',
    '(*FAIL)',
    '(?1)',
    ')',
    ')',
    ')',
    '[',
    '[^',
    ']',
    ']',
    '[a-z]',
    '[^/]',
    '[\\w.-]',
  ],
  ...['[a-', '[--', '[\\]-', '[[:', '&&', '\\d', '\\W', '\\s', '\\b', '\\.', '\\-', '\\1', '\\Q', '\\E', '\\x41', '\\_', '\\"', '\\\\'],
  ...['*', '+', '?', '*?', '++', '{2}', '{1,3}', '{0,}', '{,3}', '{ 1 }', '{255}', '(.*)', '(/|$)', '[0-9]+'],
]

function accepted(): readonly Pattern[] {
  const made = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`)
  const texts = [...hostileTexts, ...fc.sample(fc.oneof({ weight: 12, arbitrary: made }, hostileText()), { numRuns: 60_000, seed: SEED })]
  const patterns = new Map<string, Pattern>()
  for (const text of texts) {
    const parsed = parsePattern(text)
    if (parsed.ok) patterns.set(text, parsed.value)
  }
  return [...patterns.values()]
}

const patterns = accepted()

/** What NGINX says of a configuration in which each stands as a location and as a rewrite; empty when it takes it. */
async function complaintOf(nginx: string, some: readonly Pattern[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nginx-ts-patterns-'))
  try {
    const locations = some.map(
      ({ text }) => `location ~* ${filters.literal(`^${text}`)} { rewrite ${filters.literal(`(?i)^${text}`)} "/$1" break; }`,
    )
    const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')
    const http = `http { access_log off; ${temp} server { listen unix:${folder}/socket; ${locations.join('\n')} } }`
    await writeFile(join(folder, 'nginx.conf'), `pid ${folder}/pid; error_log stderr; pcre_jit on; events { }\n${http}\n`)
    const { status, stderr } = spawnSync(nginx, ['-t', '-q', '-p', folder, '-c', join(folder, 'nginx.conf')], { encoding: 'utf8' })
    return status === 0 ? '' : stderr
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

test(`as many captures are counted as there are (seed ${SEED})`, () => {
  expect(patterns.length).toBeGreaterThan(2000)
  for (const { text, captures } of patterns) {
    // JavaScript has no (?i) and no possessive quantifiers; neither changes the groups.
    const script = text.replaceAll('(?i)', '').replace(/([*+?}])\+/g, '$1')
    const counted = countGroups(script)
    if (counted !== undefined) expect([text, captures]).toEqual([text, counted])
  }
})

function countGroups(script: string): number | undefined {
  try {
    return (new RegExp(`${script}|`).exec('')?.length ?? 1) - 1
  } catch {
    return undefined
  }
}

describe.each(await testedNginx())('NGINX %s', (_version, nginx) => {
  test(`compiles every expression that is taken (seed ${SEED})`, async () => {
    expect(await complaintOf(nginx, patterns)).toBe('')
  })
})
