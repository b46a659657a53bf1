/** What is measured, and how much of it. */
export type Settings = {
  /** Of ours, each with a Service and an EndpointSlice. */
  readonly ingresses: number
  /** New Ingresses, and endpoint changes, that are timed. */
  readonly samples: number
  /** Whether the status of Ingresses is written. */
  readonly status: boolean
  /** Ingresses of another controller's class; 0 for none. */
  readonly foreign: number
  /** How often, and for how long, one of those is changed. */
  readonly foreignChangesPerSecond: number
  readonly foreignSeconds: number
  /** Of the pauses between changes, and of who is changed. */
  readonly seed: number
}
