/** A fault injector: an NGINX that judges configurations as the test tells it to, and is the real one otherwise. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

export type FaultyNginx = {
  /** What to start in place of the real binary. */
  readonly path: string
  /** From now on `nginx -t` refuses every configuration with this text in a line, and names the file and the line. */
  refuse(text: string): Promise<void>
  /** The same without a name, as where NGINX cannot build a hash of all that it has read. */
  refuseUnnamed(text: string): Promise<void>
  /** From now on `nginx -t` waits. */
  hold(): Promise<void>
  /** From now on a start waits before anything is read. */
  holdStart(): Promise<void>
  /** Ends the faults. */
  heal(): Promise<void>
}

/** Writes the injector, a script beside its marker files, into a folder. */
export async function faultyNginx(folder: string, nginx: string): Promise<FaultyNginx> {
  const inFolder = (name: string) => join(folder, `faulty-${name}`)
  const [path, refused, unnamed, held, late] = [
    inFolder('nginx'),
    inFolder('refused'),
    inFolder('unnamed'),
    inFolder('held'),
    inFolder('late'),
  ]
  await writeFile(path, script(nginx, { refused, unnamed, held, late }), { mode: 0o755 })
  return {
    path,
    refuse: (text) => writeFile(refused, text),
    async refuseUnnamed(text) {
      await writeFile(unnamed, '')
      await writeFile(refused, text)
    },
    hold: () => writeFile(held, ''),
    holdStart: () => writeFile(late, ''),
    async heal() {
      await Promise.all([refused, unnamed, held, late].map((marker) => rm(marker, { force: true })))
    },
  }
}

/** `nginx -T` prints the staged configuration with the name of each file above it. */
function script(
  nginx: string,
  { refused, unnamed, held, late }: Readonly<Record<'refused' | 'unnamed' | 'held' | 'late', string>>,
): string {
  return `#!/bin/sh
case " $* " in
*" -t "*)
  while [ -e '${held}' ]; do sleep 0.05; done
  if [ -e '${refused}' ]; then
    place=$('${nginx}' "$@" -T 2>/dev/null | awk -v text="$(cat '${refused}')" '
      /^# configuration file .*:$/ { file = substr($0, 22, length($0) - 22); line = 0; next }
      { line++ }
      index($0, text) { print file ":" line; exit }')
    if [ -n "$place" ]; then
      [ -e '${unnamed}' ] && place="some hash"
      echo "nginx: [warn] 7#7: an injected warning in $place" >&2
      echo "nginx: [emerg] 7#7: an injected fault in $place" >&2
      echo "nginx: configuration file test failed" >&2
      exit 1
    fi
  fi ;;
*" -V "*) ;;
*)
  while [ -e '${late}' ]; do sleep 0.05; done
esac
exec '${nginx}' "$@"
`
}
