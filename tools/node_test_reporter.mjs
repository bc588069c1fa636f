// Reporter for node's test runner: one JSON line per finished test, for tools/run_tests.mjs.
export default async function* report(source) {
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const error = data.details?.error;
    yield `${JSON.stringify({
      ok: type === 'test:pass',
      name: data.name,
      nesting: data.nesting,
      suite: data.details?.type === 'suite',
      skip: data.skip === undefined || data.skip === false ? null : String(data.skip),
      todo: data.todo !== undefined && data.todo !== false,
      error: error ? String(error.cause?.stack ?? error.cause ?? error.stack ?? error) : null,
    })}\n`;
  }
}
