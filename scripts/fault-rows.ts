/** Which test is which row of the table of faults, how long its full form is, and what has to hold. */

export type FaultRow = {
  readonly row: number
  readonly what: string
  /** File of the test. */
  readonly test: string
  /** Environment of the full form, and of one to try the script with. */
  readonly full: Readonly<Record<string, string>>
  readonly quick: Readonly<Record<string, string>>
  readonly target: string
}

export const faultRows: readonly FaultRow[] = [
  {
    row: 6,
    what: 'kill -9 of the controller',
    test: 'test/e2e/controller-kills.test.ts',
    full: { NGINX_TS_KILLS: '200' },
    quick: { NGINX_TS_KILLS: '4' },
    target: '0 lost; right configuration within 5 s each time',
  },
  {
    row: 6,
    what: 'kill -9 of the agent',
    test: 'test/integration/agent-kills.test.ts',
    full: { NGINX_TS_KILLS: '200' },
    quick: { NGINX_TS_KILLS: '4' },
    target: '0 lost; right configuration within 5 s each time',
  },
  {
    row: 7,
    what: 'kill -9 of NGINX workers and master',
    test: 'test/integration/nginx-kills.test.ts',
    full: { NGINX_TS_WORKER_KILLS: '100', NGINX_TS_MASTER_KILLS: '20' },
    quick: { NGINX_TS_WORKER_KILLS: '5', NGINX_TS_MASTER_KILLS: '2' },
    target: 'a worker: no more than it had in hand; the master: back within 2 s with the newest good generation',
  },
  {
    row: 8,
    what: 'kill -9 of API server and etcd; once they come back empty',
    test: 'test/e2e/api-server-away.test.ts',
    full: { NGINX_TS_OUTAGES: '20', NGINX_TS_OUTAGE_SECONDS: '60' },
    quick: { NGINX_TS_OUTAGES: '1', NGINX_TS_OUTAGE_SECONDS: '3' },
    target: '0 lost; no route removed until a second list confirms it',
  },
  {
    row: 9,
    what: '410 storm, cut watches, doubled and old events, and whatever else at random',
    test: 'test/integration/random-faults.test.ts',
    full: { NGINX_TS_FAULT_SECONDS: '600' },
    quick: { NGINX_TS_FAULT_SECONDS: '10' },
    target: 'the state of a fresh list; at most one list in 5 s',
  },
  {
    row: 10,
    what: 'slow API server',
    test: 'test/e2e/slow-api.test.ts',
    full: { NGINX_TS_FAULT_SECONDS: '600' },
    quick: { NGINX_TS_FAULT_SECONDS: '10' },
    target: '0 lost; event loop lag p99 under 200 ms; bounded memory',
  },
  {
    row: 13,
    what: 'jumps of the wall clock',
    test: 'test/e2e/clock-jumps.test.ts',
    full: { NGINX_TS_JUMPS: '20' },
    quick: { NGINX_TS_JUMPS: '3' },
    target: '0 lost; no timer stuck; no lease lost',
  },
  {
    row: 14,
    what: 'split of three replicas: leaders stopped, and leaders cut off from their Lease',
    test: 'test/e2e/lease.test.ts',
    full: { NGINX_TS_SPLITS: '20' },
    quick: { NGINX_TS_SPLITS: '1' },
    target: 'no status write begun after its lease had run out',
  },
]
