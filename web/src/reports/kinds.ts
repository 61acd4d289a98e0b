/** The reports there are, in the order of their tabs. */
export const KINDS = ['series', 'funnel', 'retention', 'paths', 'overlap', 'compare', 'customers', 'favourites'] as const;
export type Kind = (typeof KINDS)[number];
