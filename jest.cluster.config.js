/** The tests of `npm run test:cluster`: one after the other, for the cluster has one IngressClass of our name. */
import config from './jest.config.js'

export default {
  ...config,
  testMatch: ['<rootDir>/test/cluster/**/*.test.ts', '<rootDir>/test/e2e/conformance.test.ts'],
  testPathIgnorePatterns: [],
  testTimeout: 180_000,
  maxWorkers: 1,
}
