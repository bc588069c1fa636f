import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseForge, parseNodeReport, parseTap } from './test_results.mjs';

const statuses = (results) => results.map(({ status }) => status).join(' ');
const line = (event) => `${JSON.stringify({ ok: true, nesting: 0, suite: false, skip: null, todo: false, error: null, ...event })}\n`;

test('TAP: passes, failures and both forms of skip are told apart', () => {
  const text = '1..4\nok 1 - a\n# why\nnot ok 2 - b\nok 3 # SKIP c\nnot ok 4 # SKIP d\n';
  assert.equal(statuses(parseTap('s', text, 1)), 'pass fail skip skip');
});

test('TAP: a program that stops before its plan is complete fails', () => {
  assert.equal(statuses(parseTap('s', '1..3\nok 1 - a\nok 2 - b\n', 0)), 'pass pass fail');
});

test('TAP: silence is a failure, even with exit status 0', () => {
  assert.equal(statuses(parseTap('s', '', 0)), 'fail');
});

test('TAP: a bad exit status after good cases is a failure', () => {
  assert.equal(statuses(parseTap('s', '1..1\nok 1 - a\n', 'signal SIGSEGV')), 'pass fail');
});

test('TAP: a complaint below a failing case becomes its detail', () => {
  assert.match(parseTap('s', '1..2\nnot ok 1 - a\n# file.c:3: bad\nok 2 - b\n', 1)[0].detail, /file\.c:3/);
});

test('node: leaves are counted, suites are not', () => {
  const text = line({ name: 'leaf', nesting: 1 }) + line({ name: 'suite', suite: true }) + line({ name: 'flat' });
  assert.equal(statuses(parseNodeReport('s', text, 0)), 'pass pass');
});

test('node: a suite that fails without a failing child counts once', () => {
  const text = line({ name: 'leaf', nesting: 1 }) + line({ name: 'suite', suite: true, ok: false, error: 'hook' });
  assert.equal(statuses(parseNodeReport('s', text, 1)), 'pass fail');
});

test('node: a failing child counts once, not again for its suite', () => {
  const text = line({ name: 'leaf', nesting: 1, ok: false, error: 'x' }) + line({ name: 'suite', suite: true, ok: false, error: 'child' });
  assert.equal(statuses(parseNodeReport('s', text, 1)), 'fail');
});

test('node: no report at all is a failure', () => {
  assert.equal(statuses(parseNodeReport('s', 'Segmentation fault', 139)), 'fail');
});

test('forge: passes, skips and failures are told apart, and a failure says why', () => {
  const tests = { 'test_a()': { status: 'Success' }, 'test_b()': { status: 'Skipped', reason: 'no vectors' }, 'test_c()': { status: 'Failure', reason: '1 != 2' } };
  const results = parseForge('s', `${JSON.stringify({ 'contracts/test/X.t.sol:XTest': { test_results: tests } })}\n`, 1);
  assert.equal(statuses(results), 'pass skip fail');
  assert.equal(results[2].suite, 's/XTest');
  assert.equal(results[2].detail, '1 != 2');
});

test('forge: a compiler error is a failure, not silence', () => {
  assert.match(parseForge('s', '', 1, 'Compiler run failed: 7615')[0].detail, /7615/);
});

test('forge: a bad exit status after good cases is a failure', () => {
  const text = JSON.stringify({ 'a.t.sol:A': { test_results: { 'test_a()': { status: 'Success' } } } });
  assert.equal(statuses(parseForge('s', text, 1)), 'pass fail');
});
