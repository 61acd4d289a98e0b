// Turns the built UI into a C file: embed.mjs DIST OUT.c
// Texts are packed with gzip; index.html stays as it is, since each answer puts a nonce into it.
import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

const [dist, out] = process.argv.slice(2);
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
};
const files = fs.readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((e) => e.isFile())
  .map((e) => path.relative(dist, path.join(e.parentPath ?? e.path, e.name)))
  .sort();
const chunks = ['#include "api/web.h"\n'];
const rows = files.map((file, i) => {
  const type = TYPES[path.extname(file)];
  if (!type) throw new Error(`${file}: of what type is it?`);
  const raw = fs.readFileSync(path.join(dist, file));
  const packed = !file.endsWith('.html') && !file.endsWith('.woff2');
  const bytes = packed ? gzipSync(raw, { level: 9 }) : raw;
  chunks.push(`static const unsigned char file_${i}[] = {${[...bytes].join(',')}};\n`);
  return `    {"/${file}", "${type}", file_${i}, sizeof file_${i}, ${packed}, ${file.startsWith('assets/')}},`;
});
chunks.push(`const struct kn_web_file kn_web_files[] = {\n${rows.join('\n')}\n};\nconst size_t kn_web_file_count = ${files.length};\n`);
fs.writeFileSync(out, chunks.join(''));
