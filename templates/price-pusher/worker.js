// Every ten minutes: ask for a price, and bring it to a contract with setPrice(uint256), in millionths. What it may send stands in
// phat.json, "wallet"; the worker's phala-keyd signs nothing else.

const SET_PRICE = '0x91b7f5ed'; // the first four bytes of keccak256("setPrice(uint256)")

export const calldata = (price) => SET_PRICE + BigInt(Math.round(price * 1e6)).toString(16).padStart(64, '0');

async function priceOf(pair, source = 'https://api.coinbase.com') {
  const response = await fetch(`${source}/v2/prices/${pair}/spot`, { signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`the source answered ${response.status}`);
  const price = Number((await response.json()).data.amount);
  if (!Number.isFinite(price) || price <= 0) throw new Error('no positive price in the answer');
  return price;
}

// One transaction for one key, whatever happens in between: a tick that is run again sends nothing new.
async function push(env, idempotencyKey) {
  const price = await priceOf(env.PAIR, env.SOURCE);
  const { hash } = await env.WALLET.send({ to: env.FEED, data: calldata(price), idempotencyKey });
  console.log(`${env.PAIR} ${price} in ${hash}`);
  return { price, hash };
}

export default {
  async scheduled({ scheduledTime }, env) {
    await push(env, `tick ${scheduledTime}`);
  },

  async fetch(request, env) {
    if (request.method === 'POST') return Response.json(await push(env, request.headers.get('idempotency-key') ?? undefined));
    const hash = new URL(request.url).searchParams.get('hash');
    if (hash) return Response.json(await env.WALLET.receipt(hash));
    return Response.json({ pair: env.PAIR, feed: env.FEED, account: await env.WALLET.address, wei: String(await env.WALLET.balance()) });
  },
};
