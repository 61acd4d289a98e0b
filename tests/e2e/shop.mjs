// A small shop of which every number is known, and who looks at it.
import assert from 'node:assert/strict';

// Ten visitors, five with a cart, two with an order; each order told by browser and by server.
export async function fillShop(kern) {
  // One moment of sending: events that are set right by it stay in their order.
  const sentAt = new Date().toISOString();
  const at = new Date(Date.parse(sentAt) - 60_000).toISOString();
  const batch = [];
  const put = (user, message) => batch.push({ userId: user, timestamp: at, sentAt, ...message });
  const track = (user, event, properties = {}) => put(user, { type: 'track', event, properties });
  for (let i = 0; i < 10; i++) {
    const user = `shopper-${i}`;
    put(user, { type: 'identify', traits: { name: `Shopper ${i}`, email: `s${i}@example.nl`, city: i < 4 ? 'Utrecht' : '=HYPERLINK("x")' } });
    put(user, { type: 'page', properties: { url: 'https://shop.example.nl/?utm_source=google&utm_medium=cpc' }, context: { userAgent: 'Mozilla/5.0' } });
    track(user, 'Product Viewed', { product_id: 'p1', price: 10 * i, brand: i < 6 ? 'Sint' : 'Piet' });
    if (i < 5) track(user, 'Product Added', { product_id: 'p1' });
    for (let n = 0; n < 2 && i < 2; n++) track(user, 'Order Completed', { order_id: `o${i}`, revenue: 100 + i, currency: 'EUR' });
  }
  const r = await kern.collect('/v1/batch', { batch });
  assert.equal(r.status, 200);
  assert.ok(await kern.profile('user_id', 'shopper-9', r.position));
}
