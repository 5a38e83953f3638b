import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // Node loads graphql's CommonJS form, as every library beside it does; Vite alone would take the other one, and there must be one.
  resolve: {
    alias: [
      { find: /^graphql$/, replacement: fileURLToPath(new URL('node_modules/graphql/index.js', import.meta.url)) },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/bed/global.ts'],
    reporters: ['default', './test/reporter.ts'],
    maxWorkers: 2,
    // A broker that dies and comes back takes seconds, and the machine may be busy.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
  },
});
