import { expect, test } from '@jest/globals'
import { parseStubStatus, processUsage } from './usage.ts'

test('stub_status is read as NGINX writes it', () => {
  const text = 'Active connections: 3 \nserver accepts handled requests\n 16 15 31 \nReading: 1 Writing: 2 Waiting: 0 \n'
  expect(parseStubStatus(text)).toEqual({ active: 3, accepted: 16, handled: 15, requests: 31, reading: 1, writing: 2, waiting: 0 })
})

test('any other text says nothing', () => {
  expect(parseStubStatus('<html>502</html>')).toBeUndefined()
})

test('a process that is not there uses nothing', async () => {
  expect(await processUsage(2 ** 22 + 1)).toBeUndefined()
  expect((await processUsage(process.pid))?.residentBytes).toBeGreaterThan(1_000_000)
})
