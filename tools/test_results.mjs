// What test programs print, made into results: {suite, name, status: 'pass'|'fail'|'skip', detail}.
// The rule throughout: a program that gives no result is a failure.

/**
 * TAP of one program. The plan must match the cases, and the exit status must not contradict them.
 * cmocka writes a skipped case as "ok 3 # SKIP name" or "not ok 3 # SKIP name".
 */
export function parseTap(suite, text, exitCode) {
  const results = [];
  let plan = null;
  let notes = [];
  for (const line of text.split('\n')) {
    const planned = /^1\.\.(\d+)(\s*#\s*SKIP\b\s*(.*))?/i.exec(line);
    if (planned) {
      plan = Number(planned[1]);
      if (plan === 0) {
        results.push({ suite, name: 'all', status: 'skip', detail: planned[3] ?? '' });
        plan = 1;
      }
      continue;
    }
    const match = /^(not )?ok\b\s*(\d+)?\s*(?:-\s*)?([^#]*)(?:#\s*(skip|todo)\b\s*(.*))?$/i.exec(line);
    if (!match) {
      if (/^#|^\s/.test(line)) notes.push(line.replace(/^# ?/, ''));
      continue;
    }
    const [, not, number, rest, directive, reason] = match;
    const name = (rest.trim() || reason || `case ${number ?? results.length + 1}`).trim();
    const status = directive?.toLowerCase() === 'skip' ? 'skip' : not ? 'fail' : 'pass';
    // Some programs print why before the case, some below it.
    const previous = results[results.length - 1];
    if (previous?.status === 'fail') previous.detail = [previous.detail, ...notes].filter(Boolean).join('\n');
    results.push({ suite, name, status, detail: '' });
    if (status !== 'pass') {
      const before = notes.filter((note) => /skip/i.test(note)).pop();
      results[results.length - 1].detail = status === 'skip' ? (before ?? reason ?? '').replace(/^SKIP /, '') : notes.join('\n');
    }
    notes = [];
  }
  // Notes after the last failing case belong to it (checks print their complaints below the line).
  const lastFailure = results.filter(({ status }) => status === 'fail').pop();
  if (lastFailure && notes.length) lastFailure.detail = [lastFailure.detail, ...notes].filter(Boolean).join('\n');

  const failed = results.some(({ status }) => status === 'fail');
  if (plan === null || results.length !== plan) {
    results.push({ suite, name: 'gave every result it planned', status: 'fail',
      detail: `planned ${plan ?? 'nothing'}, saw ${results.length}; exit ${exitCode}\n${tail(text)}` });
  } else if (exitCode !== 0 && !failed) {
    results.push({ suite, name: 'ended well', status: 'fail', detail: `exit ${exitCode}\n${tail(text)}` });
  }
  return results;
}

/** Lines of tools/node_test_reporter.mjs for one file. A suite counts only if it fails by itself. */
export function parseNodeReport(suite, text, exitCode, stderr = '') {
  const results = [];
  let deepest = -1;
  let childFailed = false;
  const trail = [];
  for (const line of text.split('\n')) {
    if (!line.startsWith('{')) continue;
    let event;
    try { event = JSON.parse(line); } catch { continue; }
    if (typeof event.nesting !== 'number') continue;
    const isParent = event.suite || deepest > event.nesting;
    if (isParent && (event.ok || childFailed) && event.skip === null) {
      deepest = event.nesting;
      if (event.nesting === 0) childFailed = false;
      continue;
    }
    deepest = event.nesting;
    const status = event.skip !== null || event.todo ? 'skip' : event.ok ? 'pass' : 'fail';
    if (status === 'fail') childFailed = event.nesting > 0;
    results.push({ suite, name: event.name, status, detail: event.error ?? (event.skip === 'true' ? '' : event.skip ?? '') });
    trail.push(event);
  }
  const failed = results.some(({ status }) => status === 'fail');
  if (results.length === 0) {
    results.push({ suite, name: 'gave a result', status: 'fail', detail: `exit ${exitCode}\n${tail(`${text}\n${stderr}`)}` });
  } else if (exitCode !== 0 && !failed) {
    results.push({ suite, name: 'ended well', status: 'fail', detail: `exit ${exitCode}\n${tail(stderr)}` });
  }
  return results;
}

/** What `forge test --json` prints: one object on one line, by test contract and test. */
export function parseForge(suite, text, exitCode, stderr = '') {
  const results = [];
  let contracts = {};
  try { contracts = JSON.parse(text.split('\n').find((line) => line.startsWith('{')) ?? '{}'); } catch { /* no result: said below */ }
  for (const [contract, { test_results: tests = {} }] of Object.entries(contracts)) {
    for (const [name, { status, reason, counterexample, decoded_logs: logs }] of Object.entries(tests)) {
      const detail = [reason, counterexample && JSON.stringify(counterexample), ...(logs ?? [])].filter(Boolean).join('\n');
      results.push({ suite: `${suite}/${contract.split(':').pop()}`, name, status: { Success: 'pass', Skipped: 'skip' }[status] ?? 'fail', detail });
    }
  }
  if (results.length === 0) {
    results.push({ suite, name: 'gave a result', status: 'fail', detail: `exit ${exitCode}\n${tail(`${text}\n${stderr}`)}` });
  } else if (exitCode !== 0 && !results.some(({ status }) => status === 'fail')) {
    results.push({ suite, name: 'ended well', status: 'fail', detail: `exit ${exitCode}\n${tail(stderr)}` });
  }
  return results;
}

export const tail = (text, lines = 30) => text.trimEnd().split('\n').slice(-lines).join('\n');
