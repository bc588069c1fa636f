// About 15 µs of JSON and sorting: parse a catalogue, filter, sort by two keys, shape, stringify.
const catalogue = JSON.stringify(Array.from({ length: 16 }, (_, i) => ({
  id: i, name: `item-${(i * 7919) % 101}`, price: ((i * 104729) % 9973) / 100, stock: (i * 31) % 17, tags: ['a', 'b', String(i % 5)],
})));

export default {
  fetch(request) {
    const least = Number(new URL(request.url).searchParams.get('stock') ?? 3);
    const items = JSON.parse(catalogue)
      .filter((item) => item.stock >= least)
      .sort((a, b) => a.price - b.price || (a.name < b.name ? -1 : 1))
      .map(({ id, name, price, tags }) => ({ id, name, price: price.toFixed(2), tag: tags[2] }));
    return new Response(JSON.stringify({ count: items.length, items }), { headers: { 'content-type': 'application/json' } });
  },
};
