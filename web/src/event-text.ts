/** One readable sentence for an event. */
import type { TFunction } from 'i18next';
import type { KernEvent } from './api/types';

type Money = (amount: number, currency: string) => string;

const text = (value: unknown) => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');

function amountOf(p: Record<string, unknown>, money: Money) {
  const value = p.revenue ?? p.total ?? p.value;
  const currency = text(p.currency) || 'EUR';
  return typeof value === 'number' ? money(value, currency) : '';
}

function product(t: TFunction, key: string, event: KernEvent, money: Money) {
  const p = event.properties;
  const price = typeof p.price === 'number' ? `, ${money(p.price, text(p.currency) || 'EUR')}` : '';
  return t(key, { name: (text(p.name) || text(p.product_id) || text(p.sku)) + price });
}

function mail(t: TFunction, key: string, event: KernEvent) {
  const p = event.properties;
  return t(key, { subject: text(p.email_subject) || text(p.campaign_name) });
}

export function sentence(t: TFunction, event: KernEvent, money: Money): string {
  const p = event.properties;
  switch (event.event) {
    case 'Page Viewed':
    case 'Screen Viewed': {
      const title = text(p.title) || text(p.name) || text(p.path);
      return title ? t('event.page', { title }) : t('event.pageBare');
    }
    case 'Product Viewed':
    case 'Product Clicked':
      return product(t, 'event.product', event, money);
    case 'Product Added':
      return product(t, 'event.added', event, money);
    case 'Product Removed':
      return product(t, 'event.removed', event, money);
    case 'Product List Viewed':
      return t('event.list', { name: text(p.category) || text(p.list_id) });
    case 'Products Searched':
      return t('event.searched', { query: text(p.query) });
    case 'Checkout Started':
      return t('event.checkout');
    case 'Order Completed':
    case 'Order Updated': {
      const amount = amountOf(p, money);
      return amount ? t('event.ordered', { amount }) : t('event.orderedBare');
    }
    case 'Order Refunded':
      return t('event.refunded');
    case 'Order Cancelled':
      return t('event.cancelled');
    case 'Email Delivered':
      return mail(t, 'event.mailSent', event);
    case 'Email Opened':
      return mail(t, 'event.mailOpened', event);
    case 'Email Link Clicked':
      return mail(t, 'event.mailClicked', event);
    default:
      return event.event ?? t(`event.${event.type}`, { defaultValue: event.type });
  }
}

export const isOrder = (event: KernEvent) => event.event?.startsWith('Order ') ?? false;
