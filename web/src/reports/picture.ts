/** Charts as PNG, drawn anew in the colours of the page: the same numbers at twice the size of a screen. */
import { saveBlob } from './csv';

export type Picture = { title: string; note?: string } & (
  | { kind: 'lines'; labels: string[]; lines: { name: string; points: (number | null)[] }[]; format: (value: number) => string; marks?: { at: number; text: string }[] }
  | { kind: 'bars'; rows: { name: string; text: string; share: number }[] }
  | { kind: 'heat'; columns: string[]; rows: { name: string; cells: { text: string; share: number }[] }[] }
);

const WIDTH = 960;
const SCALE = 2;
const PAD = 28;
const FONT = '"Inter Variable", system-ui, sans-serif';

interface Pen {
  c: CanvasRenderingContext2D;
  color: (name: string) => string;
  text: (text: string, x: number, y: number, options?: { size?: number; weight?: number; color?: string; align?: CanvasTextAlign; most?: number }) => void;
}

function penOf(c: CanvasRenderingContext2D): Pen {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(name).trim();
  return {
    c,
    color,
    text: (text, x, y, { size = 13, weight = 420, color: fill = '--mantine-color-text', align = 'left', most = WIDTH } = {}) => {
      c.font = `${weight} ${size}px ${FONT}`;
      c.fillStyle = color(fill);
      c.textAlign = align;
      let shown = text;
      while (shown.length > 1 && c.measureText(shown).width > most) shown = `${shown.slice(0, -2)}…`;
      c.fillText(shown, x, y);
    },
  };
}

const colorOf = (pen: Pen, i: number) => pen.color(`--kern-series-${(i % 6) + 1}`);

function drawLines(pen: Pen, p: Extract<Picture, { kind: 'lines' }>, top: number, bottom: number) {
  const { c } = pen;
  const left = PAD;
  const right = WIDTH - PAD;
  const most = Math.max(1e-9, ...p.lines.flatMap((l) => l.points.map((v) => v ?? 0)));
  const x = (i: number) => left + (p.labels.length < 2 ? 0.5 : i / (p.labels.length - 1)) * (right - left);
  const y = (v: number) => bottom - 24 - (v / most) * (bottom - top - 60);
  p.lines.forEach((line, i) => {
    const at = left + (i % 3) * 300;
    const row = top + Math.floor(i / 3) * 18;
    c.fillStyle = colorOf(pen, i);
    c.fillRect(at, row - 9, 10, 10);
    pen.text(line.name, at + 16, row, { size: 12, most: 270 });
  });
  c.strokeStyle = pen.color('--kern-line');
  for (const part of [0, 0.5, 1]) {
    c.beginPath();
    c.moveTo(left, y(part * most));
    c.lineTo(right, y(part * most));
    c.stroke();
    if (part > 0) pen.text(p.format(part * most), left, y(part * most) - 5, { size: 11, color: '--kern-muted' });
  }
  const every = Math.max(1, Math.ceil(p.labels.length / 8));
  p.labels.forEach((label, i) => {
    if (i % every === 0) pen.text(label, x(i), bottom - 6, { size: 11, color: '--kern-muted', align: i === 0 ? 'left' : 'center' });
  });
  for (const mark of p.marks ?? []) {
    c.fillStyle = pen.color('--kern-series-2');
    c.fillRect(x(mark.at) - 0.5, y(most), 1, bottom - 24 - y(most));
    pen.text(mark.text, x(mark.at) + 4, y(most) + 12, { size: 11, most: 160 });
  }
  p.lines.forEach((line, i) => {
    c.strokeStyle = colorOf(pen, i);
    c.lineWidth = 2;
    c.beginPath();
    let open = false;
    line.points.forEach((v, k) => {
      if (v === null) open = false;
      else if (open) c.lineTo(x(k), y(v));
      else {
        c.moveTo(x(k), y(v));
        open = true;
      }
    });
    c.stroke();
    c.lineWidth = 1;
  });
}

const BAR = 46;

function drawBars(pen: Pen, p: Extract<Picture, { kind: 'bars' }>, top: number) {
  p.rows.forEach((row, i) => {
    const y = top + i * BAR;
    pen.text(row.name, PAD, y, { weight: 560, most: WIDTH - 2 * PAD - 220 });
    pen.text(row.text, WIDTH - PAD, y, { align: 'right' });
    pen.c.fillStyle = pen.color('--kern-line');
    pen.c.fillRect(PAD, y + 8, WIDTH - 2 * PAD, 14);
    pen.c.fillStyle = colorOf(pen, 0);
    pen.c.fillRect(PAD, y + 8, Math.max(1, Math.min(1, row.share) * (WIDTH - 2 * PAD)), 14);
  });
}

const CELL = 30;

function drawHeat(pen: Pen, p: Extract<Picture, { kind: 'heat' }>, top: number) {
  const left = PAD + 130;
  const wide = (WIDTH - PAD - left) / Math.max(1, p.columns.length);
  p.columns.forEach((name, i) => pen.text(name, left + (i + 0.5) * wide, top, { size: 11, color: '--kern-muted', align: 'center', most: wide - 4 }));
  p.rows.forEach((row, r) => {
    const y = top + 10 + r * CELL;
    pen.text(row.name, PAD, y + 20, { size: 12, most: 124 });
    row.cells.forEach((cell, i) => {
      pen.c.globalAlpha = Math.min(1, Math.max(0, cell.share)) * 0.38;
      pen.c.fillStyle = pen.color('--kern-heat');
      pen.c.fillRect(left + i * wide, y, wide, CELL);
      pen.c.globalAlpha = 1;
      pen.text(cell.text, left + (i + 0.5) * wide, y + 20, { size: 12, align: 'center', most: wide - 4 });
    });
  });
}

function heightOf(p: Picture) {
  if (p.kind === 'bars') return p.rows.length * BAR + 100;
  if (p.kind === 'heat') return p.rows.length * CELL + 130;
  return 440 + Math.floor((p.lines.length - 1) / 3) * 18;
}

export function draw(p: Picture): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  const height = heightOf(p);
  canvas.width = WIDTH * SCALE;
  canvas.height = height * SCALE;
  const c = canvas.getContext('2d')!;
  const pen = penOf(c);
  c.scale(SCALE, SCALE);
  c.fillStyle = pen.color('--kern-surface');
  c.fillRect(0, 0, WIDTH, height);
  pen.text(p.title, PAD, 40, { size: 19, weight: 620, most: WIDTH - 2 * PAD });
  if (p.note) pen.text(p.note, PAD, 62, { size: 12, color: '--kern-muted', most: WIDTH - 2 * PAD });
  if (p.kind === 'lines') drawLines(pen, p, 92, height - 16);
  else if (p.kind === 'bars') drawBars(pen, p, 94);
  else drawHeat(pen, p, 94);
  return canvas;
}

export function savePicture(name: string, p: Picture) {
  draw(p).toBlob((blob) => blob && saveBlob(`${name}.png`, blob), 'image/png');
}
