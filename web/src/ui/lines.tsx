/** Lines over time as wide as there is room. A picture only: the numbers stand in a table beside it. */
import { Group, Text } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useState } from 'react';
import { useFormat } from '../format';

export interface Line {
  name: string;
  points: (number | null)[];
}

interface Props {
  label: string;
  labels: string[];
  lines: Line[];
  format: (value: number) => string;
  onPoint?: (point: number) => void;
  /** Numbered in their order; what they say stands beside the chart. */
  marks?: { at: number; text: string }[];
}

export const COLORS = 6;
export const colorOf = (i: number) => `var(--kern-series-${(i % COLORS) + 1})`;
const HEIGHT = 260;
const PAD = { left: 8, right: 12, top: 22, bottom: 28 };

/** A round number at or above the largest. */
export function ceiling(most: number): number {
  if (most <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 2.5, 5, 10].map((f) => f * power).find((c) => c >= most)!;
}

function paths(points: (number | null)[], x: (i: number) => number, y: (v: number) => number) {
  let open = false;
  return points
    .map((p, i) => {
      if (p === null) {
        open = false;
        return '';
      }
      const step = `${open ? 'L' : 'M'}${x(i).toFixed(1)},${y(p).toFixed(1)}`;
      open = true;
      return step;
    })
    .join('');
}

export function Legend({ names }: { names: string[] }) {
  return (
    <Group gap="md" px="md" pb="xs" aria-hidden>
      {names.map((name, i) => (
        <Group key={name} gap={6} wrap="nowrap">
          <span style={{ width: 10, height: 10, borderRadius: 3, background: colorOf(i) }} />
          <Text size="sm" maw={220} truncate>
            {name}
          </Text>
        </Group>
      ))}
    </Group>
  );
}

export function Lines({ label, labels, lines, format, onPoint, marks = [] }: Props) {
  const { number } = useFormat();
  const { ref, width } = useElementSize();
  const [at, setAt] = useState<number | null>(null);
  const wide = Math.max(width, 240);
  const most = ceiling(Math.max(0, ...lines.flatMap((l) => l.points.map((p) => p ?? 0))));
  const x = (i: number) => PAD.left + (labels.length < 2 ? 0.5 : i / (labels.length - 1)) * (wide - PAD.left - PAD.right);
  const y = (v: number) => PAD.top + (1 - v / most) * (HEIGHT - PAD.top - PAD.bottom);
  const slot = (wide - PAD.left - PAD.right) / Math.max(1, labels.length - 1);
  const every = Math.max(1, Math.ceil(labels.length / Math.max(2, Math.floor(wide / 110))));
  return (
    <div style={{ padding: '0 1rem' }}>
      <div ref={ref} />
      {lines.length > 1 && <Legend names={lines.map((l) => l.name)} />}
      <svg width={wide} height={HEIGHT} role="img" aria-label={label} style={{ display: 'block', maxWidth: '100%' }} onMouseLeave={() => setAt(null)}>
        {[0, 0.5, 1].map((f) => (
          <g key={f}>
            <line x1={PAD.left} x2={wide - PAD.right} y1={y(f * most)} y2={y(f * most)} stroke="var(--kern-line)" />
            {f > 0 && (
              <text x={PAD.left} y={y(f * most) - 5} className="kern-axis">
                {number(f * most)}
              </text>
            )}
          </g>
        ))}
        {labels.map((text, i) =>
          i % every === 0 && (i === 0 || x(i) < wide - 60) ? (
            <text key={i} x={x(i)} y={HEIGHT - 8} textAnchor={i === 0 ? 'start' : 'middle'} className="kern-axis">
              {text}
            </text>
          ) : null,
        )}
        {marks.map((mark, i) => (
          <g key={i} className="kern-mark-line">
            <line x1={x(mark.at)} x2={x(mark.at)} y1={PAD.top - 6} y2={HEIGHT - PAD.bottom} />
            <circle cx={Math.min(wide - 9, Math.max(9, x(mark.at)))} cy={10} r={8} />
            <text x={Math.min(wide - 9, Math.max(9, x(mark.at)))} y={14} textAnchor="middle">
              {i + 1}
            </text>
          </g>
        ))}
        {lines.map((line, i) => (
          <path key={i} d={paths(line.points, x, y)} fill="none" stroke={colorOf(i)} strokeWidth={2} strokeLinejoin="round" strokeLinecap="round" />
        ))}
        {lines.map((line, i) => line.points.map((p, k) => (p !== null && (labels.length < 2 || at === k) ? <circle key={`${i}-${k}`} cx={x(k)} cy={y(p)} r={4} fill={colorOf(i)} /> : null)))}
        {labels.map((text, i) => (
          <rect key={i} x={x(i) - slot / 2} y={0} width={slot} height={HEIGHT} fill="transparent" style={{ cursor: onPoint ? 'pointer' : undefined }} onMouseEnter={() => setAt(i)} onClick={() => onPoint?.(i)}>
            <title>{[text, ...lines.map((l) => `${l.name}: ${l.points[i] === null || l.points[i] === undefined ? '–' : format(l.points[i])}`)].join('\n')}</title>
          </rect>
        ))}
      </svg>
    </div>
  );
}

/** A line of a few letters' height beside a figure. */
export function Spark({ points }: { points: (number | null)[] }) {
  const most = Math.max(1, ...points.map((p) => p ?? 0));
  const x = (i: number) => 1 + (i * 98) / Math.max(1, points.length - 1);
  const y = (v: number) => 25 - (v / most) * 23;
  return (
    <svg viewBox="0 0 100 26" preserveAspectRatio="none" width="100%" height={30} aria-hidden style={{ display: 'block' }}>
      <path d={paths(points, x, y)} fill="none" stroke="var(--kern-series-1)" strokeWidth={2} vectorEffect="non-scaling-stroke" strokeLinejoin="round" />
    </svg>
  );
}
