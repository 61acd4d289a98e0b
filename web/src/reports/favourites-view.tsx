import { Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format';
import { DrillNumber } from './drill';
import { Exports } from './exports';
import { Answer } from './frame';
import { limitOf, moreThan } from './limit';
import type { FavouritesReport, Request, Value } from './types';
import { useReport } from './use-report';
import { more, type ViewProps } from './view';

export const FAVOURITES = { of: 'brand', half: '30', segment: '', top: '' };
export type FavouritesState = typeof FAVOURITES;

const PLACES = ['first', 'second', 'third'] as const;
type Favourite = FavouritesReport['values'][number];
const total = (v: Favourite) => v.first + v.second + v.third;

function Table({ answer, request, name }: { answer: FavouritesReport; request: Request; name: (v: Value) => string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const most = Math.max(1, ...answer.values.map(total));
  const number = (v: Favourite, count: number, place?: number) => (
    <DrillNumber value={count} drill={{ title: [name(v.value), place ? t(`reports.places.${PLACES[place - 1]!}`) : ''].filter(Boolean).join(' · '), kind: 'favourites', body: { ...request, cell: { group: v.value, ...(place ? { place } : {}) } } }}>
      {format.number(count)}
    </DrillNumber>
  );
  return (
    <div className="kern-scroll" role="region" aria-label={t('reports.table')} tabIndex={0}>
      <table className="kern-table">
        <thead>
          <tr>
            <th scope="col">{t('reports.value')}</th>
            <th scope="col" style={{ minWidth: 140 }}>
              {t('reports.inTopThree')}
            </th>
            {PLACES.map((place) => (
              <th scope="col" className="number" key={place}>
                {t(`reports.places.${place}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {answer.values.map((v) => (
            <tr key={JSON.stringify(v.value)}>
              <th scope="row">{name(v.value)}</th>
              <td>
                {number(v, total(v))}
                <div className="kern-share" aria-hidden>
                  <span style={{ width: `${(total(v) / most) * 100}%` }} />
                </div>
              </td>
              {PLACES.map((place, i) => (
                <td className="number" key={place}>
                  {number(v, v[place], i + 1)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function FavouritesView(props: ViewProps<FavouritesState>) {
  const { t } = useTranslation();
  const format = useFormat();
  const { state, small } = props;
  const request: Request = { of: state.of, half_life_days: Number(state.half), limit: limitOf(state.top), ...(state.segment ? { segment: state.segment } : {}) };
  const result = useReport<FavouritesReport>('favourites', request);
  const own = result.isPlaceholderData ? { ...result, data: undefined } : result;
  const name = (value: Value) => (value === null ? t('reports.noValue') : String(value));
  return (
    <Answer result={own} onMore={more(props, moreThan(state.top))}>
      {(answer) =>
        answer.values.length === 0 ? (
          <Text px="md" pb="md" c="dimmed">
            {t('reports.noFavourites')}
          </Text>
        ) : (
          <>
            <Table answer={answer} request={request} name={name} />
            {!small && (
              <Exports
                name={`kern-favourite-${state.of}`}
                rows={() => [[t('reports.value'), ...PLACES.map((p) => t(`reports.places.${p}`))], ...answer.values.map((v) => [name(v.value), v.first, v.second, v.third])]}
                picture={() => ({ kind: 'bars', title: t('reports.kinds.favourites'), note: t('reports.inTopThree'), rows: answer.values.slice(0, 20).map((v) => ({ name: name(v.value), text: format.number(total(v)), share: total(v) / Math.max(1, ...answer.values.map(total)) })) })}
              />
            )}
          </>
        )
      }
    </Answer>
  );
}
