/** Why it is one person: a map of the identifiers, and every step that brought them together. */
import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { get } from '../api/client';
import type { Link, Page, Profile } from '../api/types';
import { useFormat } from '../format';
import { useWs } from '../session';
import { Card } from '../ui/page';
import { Failed, LoadingRows } from '../ui/states';
import { Folded, useSourceName } from './facts';

const MOST = 10; // nodes in the map
const WIDTH = 560;
const ROW = 34;
const LONGEST = 30;

interface Node {
  text: string;
  kind: 'own' | 'merged' | 'refused';
}

const cut = (text: string) => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text);

/** Identifiers of the profile, then profiles that became part of it, then what was kept off. */
function nodesOf(profile: Profile, links: Link[], name: (type: string) => string, merged: string): Node[] {
  const own = profile.identifiers.map((i): Node => ({ text: `${name(i.type)}: ${cut(i.value)}`, kind: 'own' }));
  const joined = links.filter((l) => l.kind === 'merged' && l.profile).map((l): Node => ({ text: `${merged} ${l.profile!.slice(0, 8)}`, kind: 'merged' }));
  const kept = links.filter((l) => l.kind === 'refused' || l.kind === 'ignored').flatMap((l) => l.identifiers.map((i): Node => ({ text: `${name(i.type)}: ${cut(i.value)}`, kind: 'refused' })));
  return [...own, ...joined, ...kept];
}

const STROKE = { own: 'var(--kern-series-1)', merged: 'var(--kern-series-2)', refused: 'var(--kern-muted)' } as const;

function Graph({ profile, links }: { profile: Profile; links: Link[] }) {
  const { t } = useTranslation();
  const all = nodesOf(profile, links, (type) => t(`identifier.${type}`, { defaultValue: type }), t('person.merged'));
  const shown = all.slice(0, MOST);
  const height = Math.max(2, shown.length + (all.length > MOST ? 1 : 0)) * ROW + 12;
  const middle = height / 2;
  return (
    <svg viewBox={`0 0 ${WIDTH} ${height}`} width="100%" role="img" aria-label={t('person.graph', { count: profile.identifiers.length })} style={{ padding: '0 1rem', display: 'block' }}>
      {shown.map((node, i) => {
        const y = 6 + ROW * (i + 0.5);
        return (
          <g key={i}>
            <path d={`M132,${middle}C200,${middle} 180,${y} 236,${y}`} fill="none" stroke={STROKE[node.kind]} strokeWidth={2} strokeDasharray={node.kind === 'own' ? undefined : '5 4'} />
            <circle cx={240} cy={y} r={5} fill="var(--kern-surface)" stroke={STROKE[node.kind]} strokeWidth={2} />
            <text x={254} y={y + 4} fontSize={13} fill="var(--mantine-color-text)" style={{ unicodeBidi: 'plaintext' }}>
              {node.text}
              {node.kind === 'refused' ? ` (${t('person.refusedNode')})` : ''}
            </text>
          </g>
        );
      })}
      {all.length > MOST && (
        <text x={254} y={6 + ROW * (MOST + 0.5) + 4} fontSize={13} fill="var(--kern-muted)">
          {t('person.graphMore', { count: all.length - MOST })}
        </text>
      )}
      <rect x={8} y={middle - 18} width={124} height={36} rx={8} fill="var(--mantine-color-kern-light)" stroke="var(--kern-series-1)" />
      <text x={70} y={middle + 4} fontSize={13} fontWeight={600} textAnchor="middle" fill="var(--mantine-color-text)">
        {t('person.here')}
      </text>
    </svg>
  );
}

function Steps({ links }: { links: Link[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const sourceName = useSourceName();
  return (
    <ol className="kern-timeline" style={{ padding: '0.5rem 1rem 1rem' }} aria-label={t('person.steps')}>
      {links.map((link, i) => (
        <li key={i} data-kind={link.kind === 'merged' || link.kind.startsWith('split') ? 'order' : undefined}>
          <Text size="sm" component="div" style={{ overflowWrap: 'anywhere' }}>
            {t(`link.${link.kind}`)}
            {link.by === 'person' ? ` (${t('link.byPerson')})` : ''}
            {link.reason ? <>: {<Folded text={link.reason} />}</> : ''}
          </Text>
          {link.identifiers.map((identifier) => (
            <Text key={identifier.type + identifier.value} size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {t(`identifier.${identifier.type}`, { defaultValue: identifier.type })}: <bdi>{identifier.value}</bdi>
            </Text>
          ))}
          <Text size="xs" c="dimmed">
            {format.dateTime(link.at)} · {t('profile.via', { source: sourceName(link.source) })}
          </Text>
        </li>
      ))}
    </ol>
  );
}

export function Identity({ profile }: { profile: Profile }) {
  const { t } = useTranslation();
  const ws = useWs();
  const links = useQuery({ queryKey: ['links', ws(''), profile.id], queryFn: ({ signal }) => get<Page<Link>>(ws(`/profiles/${profile.id}/links`), { limit: 200 }, signal) });
  return (
    <Card title={t('profile.why')} hint={t('profile.whyHint')}>
      {links.isError ? (
        <Failed error={links.error} retry={() => links.refetch()} />
      ) : links.isPending ? (
        <LoadingRows rows={3} />
      ) : (
        <>
          <Graph profile={profile} links={links.data.data} />
          <Steps links={links.data.data} />
        </>
      )}
    </Card>
  );
}
