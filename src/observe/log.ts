/** The controller's log: for people on a terminal, JSON otherwise. Goes to standard error; standard output is NGINX's access log. */
import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'
import type { HostChanges, Outcome } from '../controller.ts'
import { describeIssue, type Issue, type Severity } from '../model/issue.ts'

export type { Logger } from 'pino'

const STANDARD_ERROR = 2

export function createLogger(
  isTerminal: boolean,
  destination: DestinationStream = pino.destination({ dest: STANDARD_ERROR, sync: true }),
): Logger {
  const options = { base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label: string) => ({ level: label }) } }
  if (!isTerminal) return pino(options, destination)
  return pino(
    { base: null },
    pretty({
      destination,
      colorize: true,
      sync: true,
      singleLine: true,
      translateTime: 'SYS:HH:MM:ss.l',
      ignore: 'code,object,field,annotation,file,line,times,generation,bytes,changes',
    }),
  )
}

const LEVELS: Readonly<Record<Severity, 'error' | 'warn' | 'info'>> = { error: 'error', warning: 'warn', info: 'info' }

/** One line for what was done, and one for each Issue that is new. */
export function logOutcome(log: Logger, outcome: Outcome) {
  for (const found of outcome.newIssues) logIssue(log, found)
  const { result } = outcome
  const times = Object.fromEntries(Object.entries(outcome.times).map(([stage, time]) => [stage, Math.round(time * 10) / 10]))
  const spent = Object.entries(times)
    .map(([stage, time]) => `${stage} ${time} ms`)
    .join(', ')
  const facts = { changes: outcome.changes.slice(0, 10), times, bytes: result.bytesWritten }
  const changes = `${describeSome(outcome.changes)}: ${describeHosts(outcome.hosts)}`
  if (result.kind === 'refused' && result.retryAfterMs !== undefined)
    log.warn(facts, `${changes}; not applied, and soon tried again: ${oneLine(result.reason)} (${spent})`)
  else if (result.kind === 'refused')
    log.error(
      { ...facts, object: result.offender },
      `${changes}; refused, the configuration before stays (${spent}); NGINX: ${oneLine(result.reason)}`,
    )
  else if (result.kind === 'unchanged')
    log.info(
      { ...facts, generation: result.generation.number },
      `${changes}; no reload needed, generation ${result.generation.number} stays (${spent})`,
    )
  else
    log.info(
      { ...facts, generation: result.generation.number },
      `${changes}; generation ${result.generation.number} is live (${spent}); NGINX: ${oneLine(result.output)}`,
    )
}

function logIssue(log: Logger, found: Issue) {
  const { code, object, field, annotation, source } = found
  log[LEVELS[found.severity]]({ code, object, field, annotation, file: source?.file, line: source?.line }, describeIssue(found))
}

function describeHosts({ added, changed, removed }: HostChanges): string {
  const parts = [
    added.length > 0 ? `${added.length} added (${describeSome(added)})` : '',
    changed.length > 0 ? `${changed.length} changed (${describeSome(changed)})` : '',
    removed.length > 0 ? `${removed.length} removed (${describeSome(removed)})` : '',
  ].filter((part) => part !== '')
  return parts.length === 0 ? 'no host changed' : `hosts ${parts.join(', ')}`
}

const MOST_NAMED = 3

function describeSome(names: readonly string[]): string {
  const named = names.slice(0, MOST_NAMED).map((name) => (name === '' ? 'any other host' : name))
  return [...named, ...(names.length > MOST_NAMED ? [`${names.length - MOST_NAMED} more`] : [])].join(', ')
}

function oneLine(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(/^nginx: /, '').replace(/^(the )?configuration file \S+ (syntax is ok|test is successful)$/, '$2'))
    .join('; ')
}
