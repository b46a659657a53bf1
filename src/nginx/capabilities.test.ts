import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { capabilitiesOf, probeNginx } from './capabilities.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nginx-ts-probe-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const MODULES = '--with-http_ssl_module --with-http_v2_module --with-http_stub_status_module --with-http_realip_module'

/** A program that answers `-V` as NGINX does, on standard error. */
async function pretendNginx(name: string, version: string, modules = MODULES): Promise<string> {
  const path = join(folder, name)
  await writeFile(
    path,
    `#!/bin/sh\n[ "$1" = -V ] || exit 1\necho 'nginx version: ${version}' >&2\necho 'configure arguments: ${modules}' >&2\n`,
  )
  await chmod(path, 0o755)
  return path
}

describe('what a version can do', () => {
  const NONE = {
    http2Directive: false,
    keepaliveMinTimeout: false,
    sslCertificateCache: false,
    resolvesNames: false,
    proxyPassTrailers: false,
    stickyRoutes: false,
    stream: { file: undefined },
  }
  test.each([
    ['1.22.1', NONE],
    ['1.25.0', NONE],
    ['1.25.1', { ...NONE, http2Directive: true }],
    ['1.26.3', { ...NONE, http2Directive: true }],
    ['1.27.2', { ...NONE, http2Directive: true, resolvesNames: false, proxyPassTrailers: true }],
    [
      '1.27.4',
      {
        http2Directive: true,
        keepaliveMinTimeout: true,
        sslCertificateCache: true,
        resolvesNames: true,
        proxyPassTrailers: true,
        stickyRoutes: false,
        stream: { file: undefined },
      },
    ],
    [
      '1.30.6',
      {
        http2Directive: true,
        keepaliveMinTimeout: true,
        sslCertificateCache: true,
        resolvesNames: true,
        proxyPassTrailers: true,
        stickyRoutes: true,
        stream: { file: undefined },
      },
    ],
  ])('%s', (version, capabilities) => {
    expect(capabilitiesOf(version)).toEqual(capabilities)
  })
})

describe('the binary is asked', () => {
  test('for its version, whatever distribution built it', async () => {
    expect(await probeNginx(await pretendNginx('debian', 'nginx/1.26.3 (Debian)'))).toMatchObject({ version: '1.26.3' })
    expect(await probeNginx(await pretendNginx('openresty', 'openresty/1.27.1.2'))).toMatchObject({ version: '1.27.1' })
  })

  test('and refused when it is missing, too old, or says nothing', async () => {
    await expect(probeNginx(join(folder, 'missing'))).rejects.toThrow('is NGINX installed?')
    await expect(probeNginx(await pretendNginx('old', 'nginx/1.21.6'))).rejects.toThrow('NGINX 1.21.6 is too old, 1.22.0 is needed')
    await expect(probeNginx('/bin/true')).rejects.toThrow('/bin/true -V names no version')
  })

  test('for TCP and UDP: as a part of it, as a file that is there, or not at all', async () => {
    const realIp = '--with-stream_realip_module'
    const streamOf = async (name: string, modules: string) =>
      (await probeNginx(await pretendNginx(name, 'nginx/1.30.6', `${MODULES} ${modules}`))).capabilities.stream
    expect(await streamOf('with', `--with-stream ${realIp}`)).toEqual({ file: undefined })
    expect(await streamOf('without', '')).toBeUndefined()
    expect(await streamOf('unreal', '--with-stream --with-stream_ssl_module')).toBeUndefined()

    const dynamic = `--modules-path=${folder} --with-stream=dynamic ${realIp}`
    expect(await streamOf('not-installed', dynamic)).toBeUndefined()
    await writeFile(join(folder, 'ngx_stream_module.so'), '')
    expect(await streamOf('installed', dynamic)).toEqual({ file: join(folder, 'ngx_stream_module.so') })
  })

  test.each(MODULES.split(' '))('and refused when it was built without %s', async (module) => {
    const path = await pretendNginx(`without${module}`, 'nginx/1.30.6', MODULES.replace(module, ''))
    await expect(probeNginx(path)).rejects.toThrow(`was built without ${module.replace('--with-', '')}`)
  })
})
