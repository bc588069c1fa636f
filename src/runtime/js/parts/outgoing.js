// A response's body that leaves in pieces, as the window allows.

export default function (I) {
  const { N } = I;

  class Outgoing {
    #call;
    #wake = null;
    #cancel;

    constructor(call, cancel) {
      this.#call = call;
      this.#cancel = cancel;
    }

    opened() {
      const wake = this.#wake;
      this.#wake = null;
      if (wake !== null) wake();
    }

    cancel(reason) {
      this.#cancel(reason);
      this.opened();
    }

    async pump(entry, read) {
      const call = this.#call;
      try {
        for (let chunk = await read(); chunk !== null; chunk = await read()) {
          if (entry.over) return;
          if (chunk.length === 0) continue;
          if (N.respondChunk(call, chunk) <= 0) {
            await new Promise((resolve) => {
              this.#wake = resolve;
            });
            if (entry.over) return;
          }
        }
        if (entry.over) return;
        I.closeCall(call);
        N.respondEnd(call);
      } catch (error) {
        if (!entry.over) I.callThrew(call, error);
      }
    }
  }

  return { Outgoing };
}
