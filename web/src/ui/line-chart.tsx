/** A small line over time; also a table for who cannot see it. */
import { Text, VisuallyHidden } from '@mantine/core';
import { useTranslation } from 'react-i18next';

interface Props {
  label: string;
  points: { label: string; value: number }[];
  format: (value: number) => string;
}

const WIDTH = 560;
const HEIGHT = 150;
const LEFT = 8;
const TOP = 12;
const BOTTOM = 26;

export function LineChart({ label, points, format }: Props) {
  const { t } = useTranslation();
  if (points.length === 0)
    return (
      <Text px="md" pb="md" c="dimmed">
        {t('state.empty')}
      </Text>
    );
  const most = Math.max(1, ...points.map((p) => p.value));
  const x = (i: number) => LEFT + (points.length === 1 ? (WIDTH - 2 * LEFT) / 2 : (i * (WIDTH - 2 * LEFT)) / (points.length - 1));
  const y = (value: number) => TOP + (1 - value / most) * (HEIGHT - TOP - BOTTOM);
  const line = points.map((p, i) => `${i === 0 ? 'M' : 'L'}${x(i).toFixed(1)},${y(p.value).toFixed(1)}`).join('');
  const area = `${line}L${x(points.length - 1).toFixed(1)},${HEIGHT - BOTTOM}L${x(0).toFixed(1)},${HEIGHT - BOTTOM}Z`;
  const first = points[0]!;
  const last = points.at(-1)!;
  return (
    <figure style={{ margin: 0, padding: '0 1rem 0.75rem' }}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} width="100%" role="img" aria-label={`${label}: ${format(first.value)} → ${format(last.value)}`}>
        <path d={area} fill="var(--mantine-color-kern-5)" opacity={0.12} />
        <path d={line} fill="none" stroke="var(--mantine-color-kern-6)" strokeWidth={2} strokeLinejoin="round" />
        <circle cx={x(points.length - 1)} cy={y(last.value)} r={3.5} fill="var(--mantine-color-kern-6)" />
        <text x={LEFT} y={HEIGHT - 6} fontSize={12} fill="var(--kern-muted)">
          {first.label}
        </text>
        <text x={WIDTH - LEFT} y={HEIGHT - 6} fontSize={12} textAnchor="end" fill="var(--kern-muted)">
          {last.label}
        </text>
        <text x={WIDTH - LEFT} y={TOP} fontSize={12} textAnchor="end" fill="var(--kern-muted)">
          {format(most)}
        </text>
      </svg>
      <VisuallyHidden>
        <table>
          <caption>{label}</caption>
          <tbody>
            {points.map((p) => (
              <tr key={p.label}>
                <th scope="row">{p.label}</th>
                <td>{format(p.value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </VisuallyHidden>
    </figure>
  );
}
