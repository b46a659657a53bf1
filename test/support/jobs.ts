/** What the Job controller and a kubelet would do for a Job of our image, beside an API server that has neither. */
import type { ApiServer } from './api-server.ts'
import { fieldOf } from './chart.ts'
import { pathOf } from './cluster-objects.ts'
import { runNginxTs } from './command-line.ts'
import { eventually } from './eventually.ts'
import type { Manifest } from './objects.ts'

export type JobRun = { readonly code: number | null; readonly printed: string }

/**
 * Waits until the Job is there, runs its one container with the rights of its service account, and says how that ended.
 * Further arguments count before those of the Job.
 */
export async function runJob(api: ApiServer, namespace: string, name: string, ...further: readonly string[]): Promise<JobRun> {
  const path = pathOf({ apiVersion: 'batch/v1', kind: 'Job', metadata: { namespace, name } })
  const job = await eventually(() => api.client.request<Manifest>({ path }), { timeoutMs: 60_000 })
  const startTime = rightNow()
  const pod = fieldOf(job, 'spec.template.spec')
  const args = fieldOf(pod, 'containers.0.args') as readonly string[]
  const kubeconfig = await api.kubeconfigFor({ namespace, name: `${fieldOf(pod, 'serviceAccountName')}` })
  const environment = { POD_NAMESPACE: namespace, POD_NAME: `${name}-1` }
  const { code, stdout, stderr } = await runNginxTs([...args, '--kubeconfig', kubeconfig, ...further], { environment })
  const conditions = (code === 0 ? ['SuccessCriteriaMet', 'Complete'] : ['FailureTarget', 'Failed']).map((type) => ({
    type,
    status: 'True',
    lastTransitionTime: rightNow(),
  }))
  const ending = code === 0 ? { succeeded: 1, completionTime: rightNow() } : { failed: 1 }
  const status = { startTime, conditions, uncountedTerminatedPods: {}, ...ending }
  await api.client.request({ method: 'PATCH', path: `${path}/status`, contentType: 'application/merge-patch+json', body: { status } })
  return { code, printed: stdout + stderr }
}

function rightNow(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z')
}
