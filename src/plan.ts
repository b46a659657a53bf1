/** A state → the configuration that it asks for, on the NGINX that there is. */
import type { ClusterState } from './cluster/state.ts'
import type { NginxAgent } from './nginx/agent.ts'
import { type Listenable, listenable } from './nginx/listenable.ts'
import type { Options } from './options.ts'
import { type ConfigSet, createRenderMemo, type RenderContext, render } from './render/render.ts'
import { listensOnIpv6 } from './render/views.ts'
import { createTranslationMemo, type TranslateContext, type Translation, translate } from './translate/translate.ts'

export type Plan = {
  readonly translation: Translation
  /** What can be served of it: without ports that NGINX cannot have. */
  readonly checked: Listenable
  readonly configSet: ConfigSet
  /** Asks about the ports again. */
  checkPorts(): Promise<Listenable>
}

export type PlanParts = {
  /** What the surroundings and NGINX's abilities add; each the very same object while nothing of it changes. */
  readonly translateContext: () => TranslateContext
  readonly renderContext: () => RenderContext
  /** Knows which ports NGINX can listen on. */
  readonly agent: Pick<NginxAgent, 'unavailablePorts'>
}

/** Measures a stage of the work. */
export type Timed = <Result>(stage: string, work: () => Result) => Result

/** Rejects where the state has what our own checks should have kept out. */
export type Planner = (state: ClusterState, options: Options, timed?: Timed) => Promise<Plan>

/** Remembers what it has made, so that a change costs what changed. */
export function createPlanner(parts: PlanParts): Planner {
  const translationMemo = createTranslationMemo()
  const renderMemo = createRenderMemo()
  return async (state, options, timed = (_stage, work) => work()) => {
    const translation = timed('translate', () => translate(state, options, parts.translateContext(), translationMemo))
    const renderContext = parts.renderContext()
    const checkPorts = () => listenable(translation.model, listensOnIpv6(translation.model.http, renderContext), parts.agent)
    const checked = await checkPorts()
    return { translation, checked, configSet: timed('render', () => render(checked.model, renderContext, renderMemo)), checkPorts }
  }
}
