import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// `npm run dev` serves the page from its sources and passes the API on to a server: the fixture of dev/, or a real one in SLIPWAY_URL.
const server = process.env['SLIPWAY_URL'] ?? 'http://127.0.0.1:7170';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'], // light-dark() as it is
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { checks: { pluginTimings: false } }, // how long the compiler of components took is nobody's trouble
    emptyOutDir: false, // dist/.gitkeep stays: the Go package embeds the folder before the first build
  },
  server: { proxy: { '/v1': server, '/login': server, '/docs': server, '/openapi.json': server } },
});
