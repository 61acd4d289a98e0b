/** The syntax tree of a query, as POST query/parse gives it (docs/query-language.md). */

export type Unit = 'second' | 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year';
export interface Period {
  count: number;
  unit: Unit;
}

export type Literal = string | number | boolean;

export type Window =
  | { within: Period }
  | { between: [Period, Period] }
  | { dates: [string, string] }
  | { during: string }
  | { parent: Period };

export interface Reducer {
  fn: string;
  property?: string[];
  context?: string[];
  min?: number;
  as?: string;
}

export interface Chain {
  event?: string;
  order?: true;
  trait?: string[];
  property?: string[];
  context?: string[];
  segment?: string;
  consent?: string;
  identifier?: string;
  parent?: true;
  where?: Node;
  window?: Window;
  exclude?: string[];
  reduce?: Reducer;
}

export interface Compare {
  left: Chain;
  op: string;
  value?: Literal;
  values?: Literal[];
  period?: Period;
}

export type Node = { and: Node[] } | { or: Node[] } | { not: Node } | { any: string[]; where: Node } | Compare;

export const isAnd = (n: Node): n is { and: Node[] } => 'and' in n;
export const isOr = (n: Node): n is { or: Node[] } => 'or' in n;
export const isNot = (n: Node): n is { not: Node } => 'not' in n;
export const isCompare = (n: Node): n is Compare => 'left' in n;

/** What the builder shows: groups of conditions, each of a kind it has a sentence for, or kept as it is. */
export interface Group {
  id: number;
  join: 'and' | 'or';
  negated: boolean;
  items: (Group | Condition)[];
}

export interface Condition {
  id: number;
  negated: boolean;
  compare: Compare | null; // null: a shape the builder has no sentence for
  raw?: Node;
}

let last = 0;
export const fresh = () => ++last;

export const isGroup = (x: Group | Condition): x is Group => 'items' in x;

const HAS_SENTENCE = new Set(['event', 'order', 'trait', 'consent', 'identifier', 'segment']);

/** A comparison the builder can show and give back without loss. */
export function hasSentence(c: Compare): boolean {
  const kind = Object.keys(c.left).find((k) => HAS_SENTENCE.has(k));
  if (!kind) return false;
  if (c.left.exclude) return false;
  if (c.left.where && !plainWhere(c.left.where)) return false;
  if (kind === 'event' || kind === 'order') {
    const fn = c.left.reduce?.fn;
    return (fn === 'count' || fn === 'days' || fn === 'sum') && typeof c.value === 'number' && !c.left.reduce?.context;
  }
  return true;
}

/** Comparisons of properties, all of which must hold. */
export function plainWhere(n: Node): boolean {
  const list = isAnd(n) ? n.and : [n];
  return list.every((x) => isCompare(x) && !x.left.parent && (x.left.property || x.left.context) && !x.left.reduce && !x.left.where);
}

export const whereList = (n?: Node): Compare[] => (n === undefined ? [] : isAnd(n) ? (n.and as Compare[]) : [n as Compare]);

export function whereOf(list: Compare[]): Node | undefined {
  return list.length === 0 ? undefined : list.length === 1 ? list[0] : { and: list };
}

export function toGroup(node: Node): Group {
  if (isAnd(node) || isOr(node)) {
    return {
      id: fresh(),
      join: isAnd(node) ? 'and' : 'or',
      negated: false,
      items: (isAnd(node) ? node.and : node.or).map(toItem),
    };
  }
  return { id: fresh(), join: 'and', negated: false, items: [toItem(node)] };
}

function toItem(node: Node): Group | Condition {
  if (isNot(node)) {
    const inner = toItem(node.not);
    return inner.negated ? { id: fresh(), join: 'and', negated: true, items: [inner] } : { ...inner, negated: true };
  }
  if (isAnd(node) || isOr(node)) return toGroup(node);
  if (isCompare(node) && hasSentence(node)) return { id: fresh(), negated: false, compare: node };
  return { id: fresh(), negated: false, compare: null, raw: node };
}

/** undefined: there is no condition in it. */
export function toNode(item: Group | Condition): Node | undefined {
  const node = isGroup(item) ? groupNode(item) : (item.compare ?? item.raw);
  return node && item.negated ? { not: node } : node;
}

function groupNode(group: Group): Node | undefined {
  const nodes = group.items.map(toNode).filter((n): n is Node => n !== undefined);
  if (nodes.length < 2) return nodes[0];
  return group.join === 'and' ? { and: nodes } : { or: nodes };
}

/** The same tree with one item changed (undefined: taken out). */
export function change(group: Group, id: number, next: (item: Group | Condition) => Group | Condition | undefined): Group {
  const items = group.items.flatMap((item) => {
    if (item.id === id) {
      const changed = next(item);
      return changed ? [changed] : [];
    }
    return [isGroup(item) ? change(item, id, next) : item];
  });
  return { ...group, items };
}

export type Kind = 'event' | 'order' | 'trait' | 'consent' | 'identifier' | 'segment';

export const kindOf = (c: Compare): Kind => (['event', 'order', 'trait', 'consent', 'identifier', 'segment'] as const).find((k) => k in c.left)!;

export function newCompare(kind: Kind): Compare {
  switch (kind) {
    case 'event':
      return { left: { event: '', window: { within: { count: 30, unit: 'day' } }, reduce: { fn: 'count' } }, op: 'at_least', value: 1 };
    case 'order':
      return { left: { order: true, window: { within: { count: 365, unit: 'day' } }, reduce: { fn: 'count' } }, op: 'at_least', value: 1 };
    case 'trait':
      return { left: { trait: [''] }, op: 'equals', value: '' };
    case 'consent':
      return { left: { consent: 'marketing_email' }, op: 'equals', value: 'granted' };
    case 'identifier':
      return { left: { identifier: 'email' }, op: 'exists' };
    case 'segment':
      return { left: { segment: '' }, op: 'member' };
  }
}

/** Nothing is left to fill in. */
export function isComplete(c: Compare): boolean {
  if (c.left.event === '' || c.left.segment === '' || c.left.trait?.[0] === '') return false;
  const wheres = whereList(c.left.where);
  if (wheres.some((w) => (w.left.property ?? w.left.context ?? [''])[0] === '' || !hasValue(w))) return false;
  return hasValue(c);
}

const hasValue = (c: Compare) => (c.values === undefined || c.values.length > 0) && c.value !== '';

export function allComplete(item: Group | Condition): boolean {
  if (isGroup(item)) return item.items.every(allComplete);
  return !item.compare || isComplete(item.compare);
}
