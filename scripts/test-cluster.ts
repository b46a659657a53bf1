/**
 * `npm run test:cluster`: installs the chart in the cluster that NGINX_TS_KUBECONFIG names, with the image that
 * NGINX_TS_IMAGE names, and tests it as its users would. Further arguments go to Jest.
 */
import { runPassingSignals } from './in-namespace.ts'
import { assertNodeVersion, project } from './project.ts'

assertNodeVersion()
for (const name of ['NGINX_TS_KUBECONFIG', 'NGINX_TS_IMAGE']) {
  if (!process.env[name]) throw new Error(`${name} is not set; CONTRIBUTING.md says how to run these tests`)
}
const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning']
const jest = [...flags, 'node_modules/jest/bin/jest.js', '--config', 'jest.cluster.config.js']
process.exitCode = await runPassingSignals([process.execPath, ...jest, ...process.argv.slice(2)], project)
