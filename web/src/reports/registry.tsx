/** Every kind of report, drawn from the settings it was saved with. */
import type { ComponentType, ReactNode } from 'react';
import { COMPARE, CompareView } from './compare-view';
import { CUSTOMERS, CustomersView } from './customers-view';
import { FAVOURITES, FavouritesView } from './favourites-view';
import { FUNNEL } from './funnel-request';
import { FunnelView } from './funnel-view';
import type { Kind } from './kinds';
import { OVERLAP, OverlapView } from './overlap-view';
import { PATHS, PathsView } from './paths-view';
import type { Period } from './period';
import { RETENTION } from './retention-request';
import { RetentionView } from './retention-view';
import { SERIES } from './series-request';
import { SeriesView } from './series-view';
import type { ViewProps } from './view';

type Draw = (settings: Record<string, string>, period: Period) => ReactNode;

function drawn<S extends Record<string, string>>(fields: S, View: ComponentType<ViewProps<S>>): Draw {
  return (settings, period) => {
    const known = Object.entries(settings).filter(([key]) => key in fields);
    return <View state={{ ...fields, ...Object.fromEntries(known) }} period={period} small />;
  };
}

export const DRAW: Record<Kind, Draw> = {
  series: drawn(SERIES, SeriesView),
  funnel: drawn(FUNNEL, FunnelView),
  retention: drawn(RETENTION, RetentionView),
  paths: drawn(PATHS, PathsView),
  overlap: drawn(OVERLAP, OverlapView),
  compare: drawn(COMPARE, CompareView),
  customers: drawn(CUSTOMERS, CustomersView),
  favourites: drawn(FAVOURITES, FavouritesView),
};

/** Those that are about now have no period. */
export const TIMELESS = new Set<Kind>(['overlap', 'customers', 'favourites']);
