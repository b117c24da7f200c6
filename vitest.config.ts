import { defineConfig } from 'vitest/config';

// `--mode packed` checks the packed tarball: slow, and after everything else.
export default defineConfig(({ mode }) => ({
  test: {
    include: [mode === 'packed' ? 'test/packed.check.ts' : 'test/**/*.test.ts'],
    // piscina loads lane-worker.ts and consumers through tsx; worker threads inherit this process's execArgv
    pool: 'forks',
    execArgv: ['--import', 'tsx'],
    testTimeout: 30_000,
    // CI reads its counts from here
    reporters: process.env.TEST_REPORTS
      ? ['default', ['json', { outputFile: `${process.env.TEST_REPORTS}/${mode}.json` }]]
      : ['default'],
  },
}));
