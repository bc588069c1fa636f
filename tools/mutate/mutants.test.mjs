// The mutants that are made of small texts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applied, mutantsOf, sampled } from './mutants.mjs';

const mutants = (body, head = 'enum ph_err f(int a, int b)') => mutantsOf(`${head}\n{\n${body}\n}\n`)
  .map((one) => `${one.implied ? 'implied ' : ''}${one.kind}: ${one.original} -> ${one.mutant}`);

test('a comparison is flipped, its boundary moved', () => {
  assert.deepEqual(mutants('while (x < 4) y();').filter((one) => !one.includes('negate')),
    ['compare: < -> <=', 'implied compare: < -> >=', 'constant: 4 -> (4 - 1)']);
  assert.ok(mutants('return p->len == 48;').includes('constant: 48 -> (48 + 1)'));
});

test('each operand of a condition is dropped alone, and the condition as a whole', () => {
  const made = mutants('if (a(1, 2) && (b || !c)) return PH_ERR_LIMIT;');
  for (const one of ['operand: a(1, 2) -> true', 'operand: (b || !c) -> true', 'operand: b -> false', 'operand: !c -> false',
    'implied logic: && -> ||', 'return: PH_ERR_LIMIT -> PH_OK']) assert.ok(made.includes(one), one);
  assert.ok(mutants('if (a) return PH_ERR_LIMIT;').includes('never: a -> (a) && false'));
});

test('a recorded check is made to hold, a failing call to be ignored', () => {
  assert.ok(mutants('(void)ph_judge_check(j, PH_CHECK_ROOT, seen(a, b), none);', 'static void f(void)').includes('check: seen(a, b) -> true'));
  assert.ok(mutants('ph_judge_until(j, 4);', 'static void f(void)').includes('drop: ph_judge_until(j, 4) -> (void)0'));
  assert.ok(mutants('PH_TRY(read(r));').includes('try: PH_TRY -> (void)'));
  assert.ok(mutants('return read(r);').includes('return: read(r) -> ((void)(read(r)), PH_OK)'));
});

test('an ignored error is implied where what it leaves empty is refused at once', () => {
  const made = (body) => mutants(`struct ph_reader in, r = {a}; struct ph_der e;\n${body}`).filter((one) => one.includes('try:'));
  const [same, other] = ['implied try: PH_TRY -> (void)', 'try: PH_TRY -> (void)'];
  assert.deepEqual(made('PH_TRY(ph_der_enter(&r, 3, &in, NULL)); PH_TRY(ph_der_end(&r)); PH_TRY(ph_der_expect(&in, 2, &e)); PH_TRY(ph_der_u64(&e, &n));'),
    [same, other, same, other]);
  assert.deepEqual(made('PH_TRY(ph_der_next(&r, &e)); return ph_der_time(&e, &t);'), [same]);
  assert.deepEqual(made('struct ph_reader s = {b}, last; PH_TRY(ph_der_enter(&s, 3, &last, NULL)); PH_TRY(ph_der_next(&last, &e));'), [same, other]);
  assert.deepEqual(made('PH_TRY(ph_der_enter(&r, 3, &in, NULL)); if (in.rest.len == 0) return PH_ERR_MALFORMED;'), [same]);
  assert.deepEqual(made('PH_TRY(ph_der_enter(&r, 3, &in, NULL)); if (in.rest.len == 0) return PH_ERR_LIMIT;'), [other]);
  const again = 'PH_TRY(ph_der_enter(&r, 3, &in, NULL)); PH_TRY(ph_der_next(&in, &f));';
  assert.equal(made(`in = a; PH_TRY(ph_der_end(&in)); ${again}`)[1], same);
  assert.equal(made(`in = a; if (b) { PH_TRY(ph_der_end(&in)); } ${again}`)[1], other);
  assert.equal(made(`in = a; if (b) PH_TRY(ph_der_end(&in)); ${again}`)[1], other);
  assert.equal(made(`in = a; PH_TRY(ph_der_end(&in)); in = b; ${again}`)[1], other);
  // set before; in a loop; something else comes between; with a value from the start; not read; read in another way
  assert.deepEqual(made('e = f(); PH_TRY(ph_der_next(&r, &e)); return ph_der_time(&e, &t);'), [other]);
  assert.deepEqual(made('while (r.rest.len > 0) { PH_TRY(ph_der_next(&r, &e)); PH_TRY(ph_der_time(&e, &t)); }'), [other, other]);
  assert.deepEqual(made('PH_TRY(ph_der_next(&r, &e)); if (a) return 0; return ph_der_time(&e, &t);'), [other]);
  assert.deepEqual(made('PH_TRY(ph_der_enter(&x, 3, &r, NULL)); PH_TRY(ph_der_expect(&r, 2, &e));'), [other, other]);
  assert.deepEqual(made('PH_TRY(ph_der_next(&r, &e)); return PH_OK;'), [other]);
  assert.deepEqual(made('PH_TRY(ph_der_enter(&r, 3, &in, NULL)); PH_TRY(ph_der_end(&in)); PH_TRY(ph_der_next(&in, &e));'), [other, other, other]);
});

test('a function that begins with a DER reader refuses what is empty as that does', () => {
  const made = (first) => mutantsOf(`static enum ph_err g(struct ph_reader *r, int n)\n{\n${first}\n}\n
enum ph_err f(struct ph_reader *r)\n{\nstruct ph_reader in;\nPH_TRY(ph_der_enter(r, 3, &in, NULL));\nreturn g(&in, 1);\n}\n`)
    .filter((one) => one.kind === 'try').at(-1).implied;
  assert.ok(made('struct ph_der e; PH_TRY(ph_der_expect(r, 2, &e)); return PH_OK;'));
  assert.ok(!made('struct ph_der e; if (n) return PH_OK; PH_TRY(ph_der_expect(r, 2, &e)); return PH_OK;'));
  assert.ok(!made('struct ph_der e = g(r); PH_TRY(ph_der_expect(r, 2, &e)); return PH_OK;'));
  assert.ok(!made('struct ph_der e; PH_TRY(ph_der_expect(s, 2, &e)); return PH_OK;'));
});

test('only functions that return an error are made to return PH_OK', () => {
  assert.deepEqual(mutants('return g(a);', 'int f(int a)'), []);
  assert.deepEqual(mutants('return PH_OK;'), []);
});

test('comments, literals, preprocessor lines and static assertions stay', () => {
  assert.deepEqual(mutants('/* a < b */ s("a == b && true");', 'void f(void)'), []);
  assert.deepEqual(mutantsOf('#define X(a) \\\n    ((a) == true)\n_Static_assert(A == 4 && B, "x");\nstatic const int t[] = {A == B};\n'), []);
});

test('a mutant names its place, and changes nothing else', () => {
  const text = 'bool f(int a)\n{\n    return a > 3;\n}\n';
  const first = mutantsOf(text).find((one) => !one.implied);
  assert.equal(first.line, 3);
  assert.equal(applied(text, first), text.replace('>', '>='));
});

test('a sample keeps the order, and is the same for the same seed', () => {
  const list = Array.from({ length: 50 }, (_, i) => i);
  const few = sampled(list, 7, 3);
  assert.equal(few.length, 7);
  assert.deepEqual(few, [...few].sort((a, b) => a - b));
  assert.deepEqual(few, sampled(list, 7, 3));
  assert.notDeepEqual(few, sampled(list, 7, 4));
});
