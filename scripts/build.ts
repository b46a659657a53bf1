/**
 * templates → a module, src → dist, with the packages that it is made of: a few files, which start in a third of the time
 * that the thousands of @kubernetes/client-node take. Runs at `npm ci`, so that `npx nginx-ts` works in a fresh clone.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build, type Plugin } from 'esbuild'
import { assertNodeVersion, project } from './project.ts'

assertNodeVersion()
const DIST = join(project, 'dist')
/** Packages that are CommonJS load Node's own modules by `require`, which a module has to make. */
const REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"
const KUBERNETES_CLIENT = /[\\/]node_modules[\\/]@kubernetes[\\/]client-node[\\/]/

/**
 * Of the client we use how it is configured. The models of the API that it comes with are left out if loading them does
 * nothing else, which it does not say of itself.
 */
const onlyWhatIsUsed: Plugin = {
  name: 'only-what-is-used',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^\./ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === onlyWhatIsUsed || !KUBERNETES_CLIENT.test(from.importer)) return undefined
      const found = await resolve(path, { ...from, pluginData: onlyWhatIsUsed })
      return { ...found, sideEffects: false }
    })
  },
}

execFileSync(process.execPath, ['scripts/compile-templates.ts'], { cwd: project, stdio: 'inherit' })
rmSync(DIST, { recursive: true, force: true })
await build({
  absWorkingDir: project,
  entryPoints: ['src/main.ts'],
  outdir: DIST,
  bundle: true,
  // A command loads what it needs.
  splitting: true,
  platform: 'node',
  // A part made of CommonJS would export nothing by name.
  mainFields: ['module', 'main'],
  format: 'esm',
  target: 'node24',
  sourcemap: true,
  sourcesContent: false,
  chunkNames: 'parts/[name]-[hash]',
  banner: { js: REQUIRE },
  plugins: [onlyWhatIsUsed],
  logLevel: 'warning',
})
chmodSync(join(DIST, 'main.js'), 0o755)
