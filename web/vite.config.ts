import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// In development: `npm run dev` beside a running Kern, which answers /api.
export default defineConfig({
  plugins: [react()],
  build: { target: 'es2022', assetsInlineLimit: 0, reportCompressedSize: false },
  server: { proxy: { '/api': 'http://127.0.0.1:8080' } },
});
