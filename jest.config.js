/** Types are checked by tsc; Jest only strips them. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  // Those need a whole cluster: jest.cluster.config.js.
  testPathIgnorePatterns: ['<rootDir>/test/cluster/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'esnext', parser: { syntax: 'typescript' }, experimental: { keepImportAttributes: true } },
        module: { type: 'es6' },
      },
    ],
  },
  setupFilesAfterEnv: ['<rootDir>/test/support/matchers.ts'],
  testTimeout: 60_000,
  // Live suites wait more than they compute; Jest's own choice, one less than the processors, is a single one on two.
  maxWorkers: 2,
}
