// fetch (Fetch Standard §5.6): the request goes to the host, which applies the phat's egress rules.

export default function (I) {
  const { N, enterCall, currentCall, Incoming, dataBody, incomingBody, streamOf, Request, outgoing, makeResponse, fetchedState,
    isNullBodyStatus, parseBlock, use } = I;
  const kRedirect = { follow: 0, manual: 1, error: 2 };
  const fetches = new Map();

  class Upload {
    #id;
    #wake = null;
    over = false;

    constructor(id) {
      this.#id = id;
    }

    opened() {
      const wake = this.#wake;
      this.#wake = null;
      if (wake !== null) wake();
    }

    stop() {
      this.over = true;
      this.opened();
    }

    async pump(read, failed) {
      try {
        for (let chunk = await read(); chunk !== null && !this.over; chunk = await read()) {
          if (chunk.length === 0) continue;
          if (N.fetchSend(this.#id, chunk) <= 0) {
            await new Promise((resolve) => {
              this.#wake = resolve;
            });
          }
        }
        if (!this.over) N.fetchSendEnd(this.#id);
      } catch (error) {
        if (!this.over) failed(error);
      }
    }
  }

  // The signal is the request's own, made by fetch: without this a signal that outlives its fetches would keep them all.
  function unhook(f) {
    if (f.signal === null) return;
    use("events").offAbort(f.signal, f.onAbort);
    use("events").unfollow(f.signal);
  }

  // Ends a fetch from our side: the promise or the body fails with `reason`.
  function drop(f, reason) {
    if (!fetches.delete(f.id)) return;
    unhook(f);
    f.upload?.stop();
    N.fetchCancel(f.id);
    if (f.incoming !== null) f.incoming.fail(reason);
    else f.reject(reason);
  }

  function over(f) {
    fetches.delete(f.id);
    unhook(f);
    f.upload?.stop();
  }

  function dataUrl(url) {
    const match = /^data:([^,]*?)(;\s*base64)?,(.*)$/is.exec(url);
    if (match === null) return null;
    const text = match[3].replace(/#.*$/s, "");
    const bytes = Uint8Array.from(percentDecode(text));
    let data = bytes;
    if (match[2] !== undefined) {
      data = N.base64Decode(N.utf8Decode(bytes, false, true));
      if (data === null) return null;
    }
    const type = match[1] === "" ? "text/plain;charset=US-ASCII" : match[1].startsWith(";") ? `text/plain${match[1]}` : match[1];
    return makeResponse(fetchedState(200, "OK", ["content-type", type], dataBody(data), url, false));
  }

  function percentDecode(text) {
    const bytes = N.utf8Encode(text);
    const out = [];
    for (let i = 0; i < bytes.length; i++) {
      const hex = bytes[i] === 37 && i + 2 < bytes.length ? String.fromCharCode(bytes[i + 1], bytes[i + 2]) : "";
      if (/^[0-9a-fA-F]{2}$/.test(hex)) {
        out.push(parseInt(hex, 16));
        i += 2;
      } else {
        out.push(bytes[i]);
      }
    }
    return out;
  }

  function begin(request, resolve, reject) {
    const o = outgoing(request);
    const { signal } = o;
    if (signal !== null && signal.aborted) {
      if (o.body !== null && o.body.stream !== null && !o.body.stream.locked) o.body.stream.cancel(signal.reason);
      throw signal.reason;
    }
    if (o.url.startsWith("data:")) {
      const response = dataUrl(o.url);
      if (response === null) throw new TypeError("fetch: the data URL is broken");
      resolve(response);
      return;
    }
    if (!/^https?:/.test(o.url)) throw new TypeError(`fetch: only http and https URLs can be fetched, not ${JSON.stringify(o.url)}`);
    const hash = o.url.indexOf("#");
    const url = hash < 0 ? o.url : o.url.slice(0, hash);
    const { body } = o;
    const whole = body === null || (body.stream === null && body.incoming === null);
    const call = currentCall();
    const id = N.fetchStart(call, o.method, url, o.block, kRedirect[o.redirect], body === null || !whole ? null : body.data, whole);
    const f = { id, call, url, resolve, reject, incoming: null, upload: null, signal, onAbort: null, null: o.method === "HEAD" };
    fetches.set(id, f);
    if (body !== null && whole) body.used = true;
    if (body !== null && !whole) {
      f.upload = new Upload(id);
      let read;
      if (body.stream === null) {
        body.used = true;
        read = () => body.incoming.read();
      } else {
        read = use("streams").byteReader(streamOf(body)).read;
      }
      f.upload.pump(read, (error) => drop(f, error));
    }
    if (signal !== null) {
      f.onAbort = (reason) => drop(f, reason);
      use("events").onAbort(signal, f.onAbort);
    }
  }

  function fetch(count, input, init) {
    return new Promise((resolve, reject) => {
      if (count === 0) throw new TypeError("fetch: 1 argument required, but only 0 present");
      begin(new Request(input, init), resolve, reject);
    });
  }

  // A question to the worker itself, whose URL no phat can fetch: its answer is JSON.
  async function askWorker(url, question) {
    const response = await new Promise((resolve, reject) => {
      const call = currentCall();
      const id = N.fetchStart(call, "POST", url, "", kRedirect.error, N.utf8Encode(JSON.stringify(question)), true);
      fetches.set(id, { id, call, url, resolve, reject, incoming: null, upload: null, signal: null, onAbort: null, null: false });
    });
    return response.json();
  }

  function known(id) {
    const f = fetches.get(id);
    if (f !== undefined) enterCall(f.call);
    return f;
  }

  return {
    fetch,
    askWorker,
    onFetchHead(id, status, url, statusText, headers, bytes, done) {
      const f = known(id);
      if (f === undefined) return;
      let body = null;
      if (!done) {
        f.incoming = new Incoming((n) => N.fetchCredit(id, n), () => {
          over(f);
          N.fetchCancel(id);
        });
        if (bytes !== null) f.incoming.push(bytes);
        body = incomingBody(f.incoming);
      } else {
        over(f);
        body = dataBody(bytes ?? new Uint8Array(0));
      }
      if (f.null || isNullBodyStatus(status)) body = null;
      f.resolve(makeResponse(fetchedState(status, statusText, parseBlock(headers), body, url, url !== f.url)));
    },
    onFetchBody(id, bytes) {
      known(id)?.incoming?.push(bytes);
    },
    onFetchDone(id) {
      const f = known(id);
      if (f === undefined) return;
      over(f);
      f.incoming?.end();
    },
    onFetchFail(id, code, message) {
      const f = known(id);
      if (f === undefined) return;
      over(f);
      const error = new TypeError(`fetch failed: ${message}`);
      Object.defineProperty(error, "code", { value: code, configurable: true, writable: true });
      if (f.incoming !== null) f.incoming.fail(error);
      else f.reject(error);
    },
    onFetchWindow(id) {
      known(id)?.upload?.opened();
    },
  };
}
