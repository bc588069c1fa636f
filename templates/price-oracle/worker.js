// Asks several exchanges for one price and answers with the median. One exchange that lies or fails
// moves the answer little; the receipt proves that this code made it.

const TIMEOUT_MS = 5000;
const LEAST_SOURCES = 2;
const PAIR = /^[A-Z0-9]{2,6}-[A-Z]{3}$/;

// Each source: where to ask, and where the price stands in the answer.
const exchanges = {
  coinbase: {
    url: (base, quote) => `https://api.coinbase.com/v2/prices/${base}-${quote}/spot`,
    price: (answer) => answer.data.amount,
  },
  kraken: {
    // Kraken calls Bitcoin XBT, and answers under a name of its own.
    url: (base, quote) => `https://api.kraken.com/0/public/Ticker?pair=${base === 'BTC' ? 'XBT' : base}${quote}`,
    price: (answer) => Object.values(answer.result)[0].c[0],
  },
  binance: {
    // Binance trades against USDT, a dollar token.
    url: (base, quote) => `https://api.binance.com/api/v3/ticker/price?symbol=${base}${quote === 'USD' ? 'USDT' : quote}`,
    price: (answer) => answer.price,
  },
  bitstamp: {
    url: (base, quote) => `https://www.bitstamp.net/api/v2/ticker/${(base + quote).toLowerCase()}/`,
    price: (answer) => answer.last,
  },
  gemini: {
    url: (base, quote) => `https://api.gemini.com/v1/pubticker/${(base + quote).toLowerCase()}`,
    price: (answer) => answer.last,
  },
};

// env.SOURCES, a JSON object {"name": "https://host/path/{base}-{quote}"}, replaces the exchanges; such
// a source answers {"price": "…"}.
function sourcesOf(env) {
  if (!env.SOURCES) return exchanges;
  return Object.fromEntries(Object.entries(JSON.parse(env.SOURCES)).map(([name, template]) => [name, {
    url: (base, quote) => template.replaceAll('{base}', base).replaceAll('{quote}', quote),
    price: (answer) => answer.price,
  }]));
}

async function ask(name, source, base, quote) {
  const response = await fetch(source.url(base, quote), {
    headers: { accept: 'application/json', 'user-agent': 'phala-price-oracle' },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const price = Number(source.price(await response.json()));
  if (!Number.isFinite(price) || price <= 0) throw new Error('no positive price in the answer');
  return { name, price };
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export default {
  async fetch(request, env) {
    const pair = (new URL(request.url).searchParams.get('pair') ?? env.PAIR ?? 'BTC-USD').toUpperCase();
    if (!PAIR.test(pair)) return Response.json({ error: 'pair: expected something like BTC-USD' }, { status: 400 });
    const [base, quote] = pair.split('-');
    const sources = Object.entries(sourcesOf(env));
    const answers = await Promise.allSettled(sources.map(([name, source]) => ask(name, source, base, quote)));
    const good = answers.filter((a) => a.status === 'fulfilled').map((a) => a.value);
    answers.forEach((a, i) => {
      if (a.status === 'rejected') console.warn(`${sources[i][0]}: ${a.reason?.message ?? a.reason}`);
    });
    if (good.length < LEAST_SOURCES) {
      return Response.json({ error: `only ${good.length} of ${sources.length} sources answered, at least ${LEAST_SOURCES} are needed` }, { status: 502 });
    }
    const price = median(good.map((a) => a.price));
    console.log(`${pair} ${price} from ${good.map((a) => a.name).join(', ')}`);
    return Response.json({ pair, price, sources: good, time: new Date().toISOString() });
  },
};
