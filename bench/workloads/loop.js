// A loop that no engine's watchdog sees: each turn is a new microtask. Only killing the child ends it.
export default {
  async fetch(request) {
    if (new URL(request.url).pathname === '/loop') for (;;) await 1;
    return new Response('alive');
  },
};
