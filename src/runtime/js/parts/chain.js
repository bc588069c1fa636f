// What the handler of a contract's request gets, and what it may give back; env.CHAIN.

export default function (I) {
  const { N, kMake, use } = I;

  class ChainRequest {
    #facts;
    #input;

    constructor(make, facts, input) {
      if (make !== kMake) throw new TypeError("Illegal constructor");
      this.#facts = facts;
      this.#input = input;
    }

    get chainId() {
      return Number(this.#facts.get("chain-id"));
    }

    get requestId() {
      return BigInt(this.#facts.get("request-id"));
    }

    get app() {
      return this.#facts.get("app");
    }

    get consumer() {
      return this.#facts.get("consumer");
    }

    get deadline() {
      return new Date(Number(this.#facts.get("deadline")) * 1000);
    }

    get input() {
      return this.#input;
    }

    text() {
      return N.utf8Decode(this.#input, false, false);
    }

    json() {
      return JSON.parse(this.text());
    }
  }

  I.webClass(ChainRequest, "ChainRequest");

  const ask = async (question) => {
    const { ok, error } = await use("fetch").askWorker("phala-chain:", question);
    if (error === undefined) return ok;
    throw Object.assign(new Error(error.message), { name: "ChainError", code: error.code, data: error.data });
  };
  const block = (number) => (number === undefined ? undefined : Number(number));

  class Chain {
    block(number = undefined) {
      return ask({ ask: "block", block: block(number) });
    }

    call({ to, data = "0x", from = undefined, block: number = undefined }) {
      return ask({ ask: "call", to, data, from, block: block(number) });
    }

    async getBalance(address, { block: number = undefined } = {}) {
      return BigInt(await ask({ ask: "balance", of: address, block: block(number) }));
    }

    getLogs({ address, topics = [], fromBlock, toBlock = undefined }) {
      return ask({ ask: "logs", address: typeof address === "string" ? [address] : address, topics, from: block(fromBlock), to: block(toBlock) });
    }
  }

  return {
    chain: Object.freeze(new Chain()),
    // Facts are lines "name: value" of the worker's making.
    chainRequest(lines, body) {
      const facts = new Map();
      for (const line of lines.split("\n")) {
        const colon = line.indexOf(": ");
        if (colon > 0) facts.set(line.slice(0, colon), line.slice(colon + 2));
      }
      return new ChainRequest(kMake, facts, body ?? new Uint8Array(0));
    },
    resultBytes(value) {
      if (value === undefined || value === null) return null;
      if (typeof value === "string") return N.utf8Encode(value);
      if (value instanceof Uint8Array) return value;
      if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
      if (value instanceof ArrayBuffer) return new Uint8Array(value);
      throw new TypeError("The chain handler must return bytes (Uint8Array, ArrayBuffer) or a string");
    },
  };
}
