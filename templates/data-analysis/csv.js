// CSV as RFC 4180 has it, in pieces: fields between commas, quotes around what holds commas, quotes or
// line ends, lines ended by LF or CR LF; a byte order mark in front is skipped, and so are empty lines.

/**
 * @param take what to do with each row, an array of strings
 * @param cellMax characters a field may have
 */
export function csvRows(take, cellMax) {
  let rest = ''; // of a row that is not whole yet
  let first = true;

  // The end of the row that begins at `from`, behind its line end; -1 while it is not there. `fields` is filled.
  function row(text, from, fields, last) {
    let at = from;
    for (;;) {
      let field;
      if (text[at] === '"') {
        let end = at + 1;
        field = '';
        for (;;) {
          const quote = text.indexOf('"', end);
          if (quote < 0 || (quote + 1 === text.length && !last)) {
            if (last) throw new SyntaxError('a quoted field does not end');
            return -1;
          }
          field += text.slice(end, quote);
          if (text[quote + 1] !== '"') {
            at = quote + 1;
            break;
          }
          field += '"';
          end = quote + 2;
        }
        if (at < text.length && !',\r\n'.includes(text[at])) throw new SyntaxError('something stands behind a closing quote');
      } else {
        let end = at;
        while (end < text.length && text[end] !== ',' && text[end] !== '\n') end++;
        if (end === text.length && !last) return -1;
        const bare = text[end] !== ',' && text[end - 1] === '\r' && end > at ? end - 1 : end;
        field = text.slice(at, bare);
        if (field.includes('"')) throw new SyntaxError('a quote inside a field that is not quoted');
        at = bare;
      }
      if (field.length > cellMax) throw new SyntaxError(`a field is longer than ${cellMax} characters`);
      fields.push(field);
      if (text[at] === ',') {
        at++;
        continue;
      }
      if (text[at] === '\r') at++;
      if (at >= text.length) return last ? text.length : -1;
      if (text[at] !== '\n') throw new SyntaxError('a carriage return without a line feed');
      return at + 1;
    }
  }

  function run(text, last) {
    let at = 0;
    while (at < text.length) {
      const fields = [];
      const end = row(text, at, fields, last);
      if (end < 0) break;
      if (fields.length > 1 || fields[0] !== '') take(fields);
      at = end;
    }
    rest = text.slice(at);
    if (rest.length > 8 * cellMax) throw new SyntaxError('a row is too long');
  }

  return {
    push(text) {
      if (first && text !== '') {
        first = false;
        if (text[0] === '\ufeff') text = text.slice(1);
      }
      run(rest + text, false);
    },
    end() {
      run(rest, true);
    },
  };
}
