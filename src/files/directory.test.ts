import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { createDirectory, type Directory, readDirectory } from './directory.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'nginx-ts-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

const configMap = (name: string, value: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {v: ${value}}\n`

async function write(name: string, content: string): Promise<string> {
  const path = join(root, name)
  await mkdir(join(path, '..'), { recursive: true })
  await writeFile(path, content)
  return path
}

/** ConfigMaps by name, with their value. */
function held(directory: Directory): Record<string, string | undefined> {
  return Object.fromEntries([...directory.snapshot().state.configMaps.values()].map(({ name, data }) => [name, data['v']]))
}

function codes(directory: Directory) {
  return directory.snapshot().issues.map(({ code, source }) => `${code} ${source?.file}:${source?.line}`)
}

test('every manifest below the directory is read, and nothing else', async () => {
  await write('a.yaml', configMap('a', 'x'))
  await write('deep/er/b.yml', configMap('b', 'x'))
  await write('c.JSON', JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { v: 'x' } }))
  await write('notes.txt', configMap('d', 'x'))
  await write('a.yaml~', configMap('e', 'x'))
  await mkdir(join(root, 'folder.yaml'))
  const directory = await readDirectory(root)
  expect(held(directory)).toEqual({ a: 'x', b: 'x', c: 'x' })
  expect(codes(directory)).toEqual([])
})

test('the inner directories of a mounted ConfigMap are no manifests beside those that link to them', async () => {
  await write('..2026_01_01/a.yaml', configMap('a', 'x'))
  await symlink('..2026_01_01', join(root, '..data'))
  await symlink('..data/a.yaml', join(root, 'a.yaml'))
  const directory = await readDirectory(root)
  expect(held(directory)).toEqual({ a: 'x' })
  expect(codes(directory)).toEqual([])
})

test('a file that cannot be read is an Issue; a link that leads nowhere is no file', async () => {
  await symlink('loop.yaml', join(root, 'loop.yaml'))
  await symlink('nowhere', join(root, 'dangling.yaml'))
  await write('a.yaml', configMap('a', 'x'))
  const directory = await readDirectory(root)
  expect(held(directory)).toEqual({ a: 'x' })
  expect(codes(directory)).toEqual(['unreadable-file loop.yaml:1'])
})

test('of two definitions the first by file name and place is used, and the other is answered', async () => {
  await write('b.yaml', configMap('a', 'second'))
  await write('a.yaml', `${configMap('a', 'first')}---\n${configMap('a', 'third')}`)
  const directory = await readDirectory(root)
  expect(held(directory)).toEqual({ a: 'first' })
  expect(codes(directory)).toEqual(['duplicate-object a.yaml:6', 'duplicate-object b.yaml:1'])
  expect(directory.snapshot().issues[1]?.message).toContain('a.yaml:1')

  await rm(join(root, 'a.yaml'))
  await directory.read(join(root, 'a.yaml'))
  expect(held(directory)).toEqual({ a: 'second' })
  expect(codes(directory)).toEqual([])
})

test('a file read anew replaces what it gave, and one that is gone takes its objects with it', async () => {
  const path = await write('a.yaml', `${configMap('a', 'x')}---\n${configMap('b', 'x')}`)
  const directory = await readDirectory(root)
  await write('a.yaml', configMap('a', 'y'))
  await directory.read(path)
  expect(held(directory)).toEqual({ a: 'y' })
  await rm(path)
  await directory.read(path)
  expect(held(directory)).toEqual({})
})

test('an object that did not change is the very same one in the next snapshot', async () => {
  const path = await write('a.yaml', configMap('a', 'x'))
  const directory = await readDirectory(root)
  const before = directory.snapshot().state.configMaps.get('default/a')
  await write('a.yaml', `# said in passing\n${configMap('a', 'x')}`)
  await directory.read(path)
  expect(directory.snapshot().state.configMaps.get('default/a')).toBe(before)
})

test('while YAML is broken, all that the file held and no longer gives stays', async () => {
  const path = await write('a.yaml', `${configMap('a', 'x')}---\n${configMap('b', 'x')}`)
  const directory = await readDirectory(root)
  await write('a.yaml', `${configMap('a', 'y')}---\nkind: [\n`)
  await directory.read(path)
  expect(held(directory)).toEqual({ a: 'y', b: 'x' })
  expect(codes(directory)).toHaveLength(1)
  await write('a.yaml', configMap('a', 'y'))
  await directory.read(path)
  expect(held(directory)).toEqual({ a: 'y' })
  expect(codes(directory)).toEqual([])
})

test('while one object is broken it stays as it was, and what is taken out beside it goes', async () => {
  const path = await write('a.yaml', `${configMap('a', 'x')}---\n${configMap('b', 'x')}---\n${configMap('c', 'x')}`)
  const directory = await readDirectory(root)
  await write('a.yaml', `${configMap('b', '{}')}---\n${configMap('c', 'y')}`)
  await directory.read(path)
  expect(held(directory)).toEqual({ b: 'x', c: 'y' })
  expect(codes(directory)).toEqual(['invalid-object a.yaml:1'])
})

test('an object that lost its name could be any: all stays', async () => {
  const path = await write('a.yaml', `${configMap('a', 'x')}---\n${configMap('b', 'x')}`)
  const directory = await readDirectory(root)
  await write('a.yaml', `${configMap('""', 'y')}---\n${configMap('b', 'y')}`)
  await directory.read(path)
  expect(held(directory)).toEqual({ a: 'x', b: 'y' })
})

test('a file that is broken from the start gives what is good in it', async () => {
  const path = await write('a.yaml', `${configMap('a', 'x')}---\n{`)
  const directory = createDirectory(root)
  await directory.read(path)
  expect(held(directory)).toEqual({ a: 'x' })
})

test('a file whose writer has just begun keeps what it held until it is filled or deleted', async () => {
  const path = await write('a.yaml', configMap('a', 'old'))
  const directory = await readDirectory(root)
  await write('a.yaml', '')
  await directory.read(path)
  expect(held(directory)).toEqual({ a: 'old' })
  expect(codes(directory)).toEqual(['empty-file a.yaml:1'])

  await write('a.yaml', configMap('b', 'new'))
  await directory.read(path)
  expect(held(directory)).toEqual({ b: 'new' })
  expect(codes(directory)).toEqual([])

  await write('a.yaml', '\n')
  await directory.read(path)
  await rm(path)
  await directory.read(path)
  expect(held(directory)).toEqual({})
  expect(codes(directory)).toEqual([])
})
