/** A condition of a query as a sentence; undefined: there is none for it, show its text. */
import type { TFunction } from 'i18next';
import { hasSentence, isAnd, whereList, type Compare, type Node, type Period, type Window } from '../segments/tree';

const period = (t: TFunction, p: Period) => `${p.count} ${t(`unit.${p.unit}`, { count: p.count })}`;

function windowText(t: TFunction, window?: Window): string {
  if (!window) return t('window.ever');
  if ('within' in window) return `${t('window.within')} ${period(t, window.within)}`;
  if ('between' in window) return `${t('window.between')} ${period(t, window.between[0])} ${t('builder.and')} ${period(t, window.between[1])} ${t('builder.ago')}`;
  if ('dates' in window) return `${t('builder.from')} ${window.dates[0]} ${t('builder.to')} ${window.dates[1]}`;
  if ('during' in window) return t(`during.${window.during.replace(' ', '_')}`);
  return '';
}

function operand(t: TFunction, c: Compare): string {
  if (c.period) return period(t, c.period);
  if (c.values) return c.values.map((v) => `“${v}”`).join(', ');
  if (c.value === undefined) return '';
  return typeof c.value === 'string' ? `“${c.value}”` : String(c.value);
}

const comparison = (t: TFunction, c: Compare) => `${t(`op.${c.op}`, { defaultValue: c.op })} ${operand(t, c)}`.trim();

function whereText(t: TFunction, where?: Node): string {
  const parts = whereList(where).map((w) => `${(w.left.property ?? w.left.context ?? []).join('.')} ${comparison(t, w)}`);
  return parts.length > 0 ? `, ${t('builder.where')} ${parts.join(` ${t('builder.and')} `)}` : '';
}

function measureText(t: TFunction, c: Compare): string {
  const r = c.left.reduce;
  const of = r?.property ? ` ${r.property.join('.')}` : '';
  return `${t(`measure.${r?.fn ?? 'count'}`)}${of}`;
}

export function conditionText(t: TFunction, node: Node): string | undefined {
  if (!('left' in node) || !hasSentence(node) || (node.left.where && !isPlain(node.left.where))) return undefined;
  const { left } = node;
  if (left.event !== undefined || left.order) {
    const what = left.order ? t('builder.ordered') : `${t('builder.did')} “${left.event}”`;
    return `${what}${whereText(t, left.where)}: ${measureText(t, node)} ${comparison(t, node)} (${windowText(t, left.window)})`;
  }
  if (left.trait) return `${t('builder.trait')} ${left.trait.join('.')} ${comparison(t, node)}`;
  if (left.consent) return `${t('builder.consent')} ${t(`purpose.${left.consent}`, { defaultValue: left.consent })} ${t('builder.is')} ${t(`consent.${node.value}`, { defaultValue: String(node.value) })}`;
  if (left.identifier) return `${t('builder.identifier')} ${t(`identifier.${left.identifier}`, { defaultValue: left.identifier })}`;
  if (left.segment) return `${t('builder.member')} ${left.segment}`;
  return undefined;
}

const isPlain = (n: Node) => (isAnd(n) ? n.and : [n]).every((x) => 'left' in x);
