// env.WALLET: the phat's own account on chain.

export default function (I) {
  const { use } = I;

  const ask = async (question) => (await use("fetch").askWorker("phala-wallet:", question)).ok;
  const bytes = (data) => (typeof data === "string" ? data : `0x${Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("")}`);
  const given = (value, make) => (value === undefined ? undefined : make(value));

  class Wallet {
    get address() {
      return ask({ ask: "address" });
    }

    async balance() {
      return BigInt(await ask({ ask: "balance" }));
    }

    send({ to, data = "0x", value = 0n, gas = undefined, idempotencyKey = undefined }) {
      return ask({ ask: "send", to, data: bytes(data), value: BigInt(value).toString(), gas: given(gas, Number), key: given(idempotencyKey, String) });
    }

    receipt(hash) {
      return ask({ ask: "receipt", hash });
    }

    wait(hash, { final = true } = {}) {
      return ask({ ask: "wait", hash, final: Boolean(final) });
    }
  }

  return { wallet: Object.freeze(new Wallet()) };
}
