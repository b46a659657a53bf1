/** Types are checked by tsc; Jest only strips them. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': ['@swc/jest', { jsc: { target: 'esnext', parser: { syntax: 'typescript' } }, module: { type: 'es6' } }] },
  setupFilesAfterEnv: ['<rootDir>/test/support/matchers.ts'],
  testTimeout: 60_000,
}
