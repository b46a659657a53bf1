import { describe, expect, test } from '@jest/globals'
import type { V1Node, V1Pod, V1Service } from '@kubernetes/client-node'
import { addressesOfNodes, addressesOfService, isReady, parseAddresses, sameAddresses, selectorOf } from './addresses.ts'

const service = (spec: object, ingress: readonly object[] = []) => ({ spec, status: { loadBalancer: { ingress } } }) as V1Service

describe('--publish-status-address', () => {
  test('takes addresses and names, sorted and each once', () => {
    expect(parseAddresses('web.example.com, 192.0.2.9,2001:db8::1,192.0.2.9,')).toEqual([
      { ip: '192.0.2.9' },
      { ip: '2001:db8::1' },
      { hostname: 'web.example.com' },
    ])
  })

  test.each(['http://web.example.com', 'a b', '-a.test', 'WEB.test', '192.0.2.1:80', `${'a.'.repeat(150)}test`])('refuses %j', (text) => {
    expect(() => parseAddresses(`192.0.2.1,${text}`)).toThrow('is neither an IP address nor a host name')
  })
})

describe('--publish-service', () => {
  test('a LoadBalancer gives what it was given, and its external IPs', () => {
    const given = [{ ip: '203.0.113.7', ports: [] }, { hostname: 'lb.example.com' }]
    expect(addressesOfService(service({ type: 'LoadBalancer', clusterIP: '10.96.0.4', externalIPs: ['198.51.100.1'] }, given))).toEqual([
      { ip: '198.51.100.1' },
      { ip: '203.0.113.7' },
      { hostname: 'lb.example.com' },
    ])
  })

  test('a LoadBalancer that was given nothing yet gives nothing', () => {
    expect(addressesOfService(service({ type: 'LoadBalancer', clusterIP: '10.96.0.4' }))).toEqual([])
  })

  test.each([
    ['ClusterIP', ['198.51.100.2', '198.51.100.1'], [{ ip: '198.51.100.1' }, { ip: '198.51.100.2' }]],
    ['NodePort', ['198.51.100.1'], [{ ip: '198.51.100.1' }]],
    ['ClusterIP', undefined, [{ ip: '10.96.0.4' }]],
    ['NodePort', undefined, [{ ip: '10.96.0.4' }]],
  ])('a %s with external IPs %j gives %j', (type, externalIPs, expected) => {
    expect(addressesOfService(service({ type, clusterIP: '10.96.0.4', externalIPs }))).toEqual(expected)
  })

  test('a headless one gives nothing', () => {
    expect(addressesOfService(service({ type: 'ClusterIP', clusterIP: 'None' }))).toEqual([])
  })

  test('an ExternalName gives its name, as a status may hold it', () => {
    expect(addressesOfService(service({ type: 'ExternalName', externalName: 'lb.example.com.' }))).toEqual([{ hostname: 'lb.example.com' }])
  })
})

describe('the nodes of our Pods', () => {
  const node = (...addresses: readonly [string, string][]) =>
    ({ status: { addresses: addresses.map(([type, address]) => ({ type, address })) } }) as V1Node
  const both = node(['Hostname', 'a'], ['InternalIP', '10.0.0.1'], ['ExternalIP', '203.0.113.1'])

  test('give their external addresses, or the internal one of a node that has no other', () => {
    expect(addressesOfNodes([both, node(['InternalIP', '10.0.0.2']), both, node()], false)).toEqual([
      { ip: '10.0.0.2' },
      { ip: '203.0.113.1' },
    ])
  })

  test('give internal ones where that is wanted', () => {
    expect(addressesOfNodes([both], true)).toEqual([{ ip: '10.0.0.1' }])
  })

  test('replicas are known by the labels of their workload, whatever its revision', () => {
    const labels = { app: 'nginx-ts', 'pod-template-hash': '5d4f', tier: '' }
    expect(selectorOf({ metadata: { labels } } as V1Pod)).toBe('app=nginx-ts,tier=')
    expect(selectorOf({ metadata: { labels: { 'pod-template-hash': '5d4f' } } } as unknown as V1Pod)).toBeUndefined()
  })

  test.each([
    ['ready', { phase: 'Running', ready: 'True' }, true],
    ['not ready', { phase: 'Running', ready: 'False' }, false],
    ['ended', { phase: 'Succeeded', ready: 'True' }, false],
    ['about to end', { phase: 'Running', ready: 'True', deletionTimestamp: '2026-01-01T00:00:00Z' }, false],
  ])('a Pod that is %s: %j', (_name, { phase, ready, ...metadata }, expected) => {
    expect(isReady({ metadata, status: { phase, conditions: [{ type: 'Ready', status: ready }] } } as unknown as V1Pod)).toBe(expected)
  })
})

test('addresses are the same in any order', () => {
  expect(sameAddresses([{ ip: '192.0.2.1' }, { hostname: 'a.test' }], [{ hostname: 'a.test' }, { ip: '192.0.2.1' }])).toBe(true)
  expect(sameAddresses([{ ip: '192.0.2.1' }], [])).toBe(false)
})
