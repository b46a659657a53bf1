/** Which requests a canary gets: by header, else by cookie, else by weight. */
import { parseHeaderPattern } from '../../model/header-pattern.ts'
import { fromText, headerName, integer } from '../../model/schemas.ts'
import { parseCookieName, parseHeaderValue } from '../../model/values.ts'
import { annotation, defineFeature } from '../define.ts'

const MOST_WEIGHT = 1_000_000

export default defineFeature({
  scope: 'upstream',
  risk: 'low',
  onInvalid: 'default',
  annotations: {
    'canary-weight': annotation({
      value: integer(0, MOST_WEIGHT),
      summary: 'How many of a hundred requests go to the canary, or of canary-weight-total.',
      example: '20',
      ingressNginx: {
        verdict: 'approximated',
        difference:
          'In steps of a hundredth of a percent. More than the total is an Issue and counts as 0; the weights of several canaries add up.',
      },
    }),
    'canary-weight-total': annotation({
      value: integer(1, MOST_WEIGHT),
      summary: 'What canary-weight is a part of; 100 where it is not given, and where it is less.',
      example: '1000',
      ingressNginx: 'same',
    }),
    'canary-by-header': annotation({
      value: headerName,
      summary:
        'A header that asks for the canary by the value always, and for the main backend by never; it comes before cookie and weight.',
      example: 'X-Canary',
      ingressNginx: 'same',
    }),
    'canary-by-header-value': annotation({
      value: fromText(parseHeaderValue),
      summary: 'The value of that header which asks for the canary, in place of always and never.',
      example: 'insider',
      ingressNginx: 'same',
    }),
    'canary-by-header-pattern': annotation({
      value: fromText(parseHeaderPattern),
      summary: 'A regular expression in place of the value; not used where a value is given.',
      example: '^(alpha|beta)-',
      ingressNginx: {
        verdict: 'approximated',
        difference: 'Without back references, assertions and nested repetitions: no header may keep a worker busy.',
      },
    }),
    'canary-by-cookie': annotation({
      value: fromText(parseCookieName),
      summary: 'A cookie that asks for the canary by the value always, and for the main backend by never; it comes before the weight.',
      example: 'canary',
      ingressNginx: { verdict: 'better', difference: 'Names with - . and ~ work.' },
    }),
  },
  apply: (values) => ({
    canary: {
      weight: values.canaryWeight,
      weightTotal: values.canaryWeightTotal,
      header: values.canaryByHeader,
      headerValue: values.canaryByHeaderValue,
      headerPattern: values.canaryByHeaderPattern,
      cookie: values.canaryByCookie,
    },
  }),
})
