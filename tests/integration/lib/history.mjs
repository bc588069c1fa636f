// Histories of calls to one list, and whether they can have happened one after another.
import assert from 'node:assert/strict';

/** mulberry32: numbers from 0 to 1, the same for the same seed. */
export function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Throws unless `calls` can have happened one after another, each between its begin and end, and left `final`.
 * A call: {kind: 'append', v, begin, end, ok, got: length after it} or {kind: 'read', begin, end, ok, got: the list}.
 */
export function check(calls, final) {
  const place = new Map(final.map((v, i) => [v, i]));
  assert.equal(place.size, final.length, 'a value is there twice');
  const appends = calls.filter((c) => c.kind === 'append');
  const began = new Map(appends.map((c) => [c.v, c.begin]));
  for (const v of final) assert.ok(began.has(v), `${v} was never written`);
  // What each call proves about the length of the list: at least `low` when it ended, at most `high` when it began.
  const facts = [];
  for (const c of calls.filter(({ ok }) => ok)) {
    if (c.kind === 'append') {
      assert.ok(place.has(c.v), `acknowledged ${c.v} is lost`);
      assert.equal(place.get(c.v) + 1, c.got, `${c.v} was acknowledged at another place`);
      facts.push({ ...c, low: c.got, high: c.got - 1 });
    } else {
      assert.deepEqual(c.got, final.slice(0, c.got.length), 'a read is no beginning of the list');
      for (const v of c.got) assert.ok(began.get(v) <= c.end, `${v} was read before it was written`);
      facts.push({ ...c, low: c.got.length, high: c.got.length });
    }
  }
  facts.sort((a, b) => a.end - b.end);
  const byBegin = [...facts].sort((a, b) => a.begin - b.begin);
  let low = 0;
  let i = 0;
  for (const c of byBegin) {
    for (; i < facts.length && facts[i].end < c.begin; i++) low = Math.max(low, facts[i].low);
    assert.ok(c.high >= low, `${c.kind} ${c.v ?? ''} saw ${c.high} of ${low} values that were there before it began: stale`);
  }
}
