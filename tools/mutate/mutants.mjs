// Makes mutants of C text, token by token: no tree, no preprocessor. Every mutant is one replacement of
// one range of the text. Those that do not compile are left out later, by the compiler.
//
// A mutant is `implied` if any test that kills one of its neighbours kills it too: a || b against a && b,
// where both operands are also tried alone; a negated condition against the condition that never holds.
// So is one that changes nothing: an error of a DER reader that is ignored, where the next read of what
// it should have given finds nothing and fails with the same error (refusedNext).
// They are made, and left out of a run unless asked for.

/** Tokens of C text: comments, preprocessor lines and static assertions left out. */
export function tokensOf(text) {
  const tokens = [];
  const shapes = [
    ['space', /\s+|\/\*[^]*?\*\/|\/\/[^\n]*/y],
    ['literal', /"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'/y],
    ['number', /(?:0[xX][0-9a-fA-F]+|\d[\d.]*)[uUlL]*/y],
    ['word', /[A-Za-z_]\w*/y],
    ['op', /->|\+\+|--|<<=|>>=|<<|>>|[=!<>]=|&&|\|\||[-+*/%&|^]=|\.\.\.|[^]/y],
  ];
  for (let at = 0, line = 1; at < text.length;) {
    const fresh = /^[ \t]*$/.test(text.slice(text.lastIndexOf('\n', at - 1) + 1, at));
    let match;
    let type;
    if (fresh && text[at] === '#') {
      [match, type] = [/#(?:[^\n\\]|\\[^])*/y, 'space'];
      match.lastIndex = at;
      match = match.exec(text)[0];
    } else {
      for (const [name, shape] of shapes) {
        shape.lastIndex = at;
        const found = shape.exec(text);
        if (found) { [match, type] = [found[0], name]; break; }
      }
    }
    if (type !== 'space') tokens.push({ type, text: match, start: at, end: at + match.length, line });
    line += match.split('\n').length - 1;
    at += match.length;
  }
  pairUp(tokens);
  return tokens.filter((token) => !token.dropped);
}

/** Sets `mate` of every bracket to its partner, and marks static assertions as dropped. */
function pairUp(tokens) {
  const open = [];
  for (const token of tokens) {
    if (token.type !== 'op') continue;
    if ('([{'.includes(token.text)) open.push(token);
    if (')]}'.includes(token.text)) {
      const mate = open.pop();
      if (mate) [token.mate, mate.mate] = [mate, token];
    }
  }
  for (const [i, token] of tokens.entries()) {
    if (token.text !== '_Static_assert') continue;
    for (let k = i; k < tokens.length && (tokens[k].start <= tokens[i + 1].mate.end); k++) tokens[k].dropped = true;
  }
}

const relations = {
  '==': ['!='], '!=': ['=='], '<': ['<=', '>='], '<=': ['<', '>'], '>': ['>=', '<='], '>=': ['>', '<'],
};
/** The neighbour of a bound that the flipped comparison does not already try. */
const steps = { '<': '-', '<=': '+', '>': '+', '>=': '-', '==': '+', '!=': '+' };
const flippedSteps = { '<': '+', '<=': '-', '>': '-', '>=': '+', '==': '+', '!=': '+' };
const isConstant = (token, relation) => token?.type === 'number' ||
  (token?.type === 'word' && /^[A-Z][A-Z0-9_]+$/.test(token.text) && relation !== '==' && relation !== '!=');

/**
 * Every mutant of a file, in the order of its text: { kind, line, start, end, original, mutant, scope }.
 * `scope` is the line of the enclosing function's body, or 0.
 */
export function mutantsOf(text) {
  const tokens = tokensOf(text);
  const index = new Map(tokens.map((token, i) => [token, i]));
  const found = [];
  const code = (from, to) => text.slice(from.start, to.end);
  const add = (kind, from, to, mutant, implied = false) => {
    const original = code(from, to);
    if (original === mutant || found.some((other) => other.start === from.start && other.end === to.end && other.mutant === mutant)) return;
    found.push({ kind, line: from.line, start: from.start, end: to.end, original, mutant, implied });
  };
  const functions = functionsOf(tokens);
  const functionAt = (token) => functions.find((one) => one.open.start < token.start && token.start < one.open.mate.start);

  for (const [i, token] of tokens.entries()) {
    const [before, after] = [tokens[i - 1], tokens[i + 1]];
    const inside = functionAt(token);
    if (!inside) continue;
    if (token.type === 'op' && relations[token.text]) {
      relations[token.text].forEach((flipped, k) => add('compare', token, token, flipped, k > 0));
      const zero = after.text === '0' && '!=='.includes(token.text);
      if (isConstant(after, token.text)) add('constant', after, after, `(${after.text} ${steps[token.text]} 1)`, zero);
      else if (isConstant(before, token.text) && !['.', '->'].includes(tokens[i - 2]?.text)) add('constant', before, before, `(${before.text} ${flippedSteps[token.text]} 1)`);
    }
    if (token.text === '&&' || token.text === '||') {
      const neutral = token.text === '&&' ? 'true' : 'false';
      const left = operand(tokens, index, i, -1);
      const right = operand(tokens, index, i, 1);
      add('logic', token, token, token.text === '&&' ? '||' : '&&', Boolean(left && right));
      if (left) add('operand', ...left, neutral);
      if (right) add('operand', ...right, neutral);
    }
    if (token.type === 'word') wordMutants(token, { tokens, index, i, before, after, inside, add, code });
    if (token.text === '?') {
      const condition = operand(tokens, index, i, -1, true);
      if (condition) add('negate', ...condition, `!(${code(...condition)})`);
    }
  }
  const order = found.sort((a, b) => a.start - b.start || a.end - b.end || (a.mutant < b.mutant ? -1 : 1));
  return order.map((mutant) => ({ ...mutant, scope: functions.find((one) => one.open.start < mutant.start && mutant.start < one.open.mate.start)?.open.line ?? 0 }));
}

function wordMutants(token, { tokens, index, i, before, after, inside, add, code }) {
  if (token.text === 'true' || token.text === 'false') add('truth', token, token, token.text === 'true' ? 'false' : 'true');
  if ((token.text === 'if' || token.text === 'while') && after?.text === '(') {
    const condition = [tokens[i + 2], tokens[index.get(after.mate) - 1]];
    const isIf = token.text === 'if';
    const any = tokens.slice(i + 2, index.get(after.mate)).some((one) => one.text === '||');
    add('negate', ...condition, `!(${code(...condition)})`, isIf);
    if (isIf) add('never', ...condition, `(${code(...condition)}) && false`, any);
  }
  if (token.text === 'return' && inside.fails && after.text !== ';') {
    const semicolon = tokens.findIndex((one, k) => k > i && one.text === ';');
    const value = [after, tokens[semicolon - 1]];
    if (code(...value) !== 'PH_OK') add('return', ...value, value[0] === value[1] ? 'PH_OK' : `((void)(${code(...value)}), PH_OK)`);
  }
  if (token.text === 'PH_TRY') add('try', token, token, '(void)', refusedNext(tokens, index, i, inside));
  if (after?.text !== '(') return;
  const call = argumentsOf(tokens, index, i + 1);
  const check = call.findIndex(([first]) => /^(PH_\w*CHECK_[A-Z0-9_]+|check)$/.test(first.text));
  if (/judge|check/.test(token.text) && check >= 0 && call[check + 1]) add('check', ...call[check + 1], 'true');
  const end = tokens[index.get(after.mate) + 1];
  const starts = before?.text === ';' || before?.text === '{' || before?.text === '}' || (before?.text === ')' && ['if', 'for', 'while'].includes(tokens[index.get(before.mate) - 1]?.text)) || before?.text === 'else';
  if (/judge/.test(token.text) && starts && end?.text === ';') add('drop', token, after.mate, '(void)0');
}

/** What fails with PH_ERR_MALFORMED alone when its first argument is an empty reader or an element of no tag. */
const derReaders = /^ph_der_(enter|expect|next)$/;
const derValues = /^ph_der_(u64|uint|bool|bits|time)$/;

/**
 * Whether a failure of PH_TRY(ph_der_enter(…, &x, …)), expect or next, if ignored, is one in what follows: x, a local that is
 * empty until then, is next read by a call that refuses what is empty with the same error, or asked whether it is, and up to
 * there only calls that can fail in that way alone come, all of them in PH_TRY. Empty is what is set nowhere before, and zero
 * by how everything is compiled, and a reader that ph_der_end found at its end.
 */
function refusedNext(tokens, index, i, inside) {
  const call = callAt(tokens, index, i + 2);
  if (!call || !derReaders.test(call.name) || inLoop(tokens, index, i, inside)) return false;
  const out = call.list[call.name === 'ph_der_next' ? 1 : 2];
  if (!out || out[0].text !== '&' || index.get(out[1]) !== index.get(out[0]) + 1) return false;
  const { text: name } = out[1];
  const earlier = tokens.slice(index.get(inside.open), i).filter((one) => one.text === name);
  if (earlier.length === 0 || !isDeclared(tokens, index, index.get(earlier[0]))) return false;
  if (earlier.length > 1 && !isAtEnd(tokens, index.get(earlier.at(-1)), i)) return false;
  const readers = readersOf(tokens, index);
  for (let k = index.get(tokens[i + 1].mate) + 2; k < tokens.length; k = index.get(tokens[k + 1].mate) + 2) {
    if (refusesEmpty(tokens, k, name)) return true;
    const next = tokens[k].text === 'PH_TRY' ? callAt(tokens, index, k + 2) : tokens[k].text === 'return' ? callAt(tokens, index, k + 1) : undefined;
    if (!next || !(readers.has(next.name) || /^ph_der_(enter|expect|next|end|u64|uint|bool|bits|time)$/.test(next.name))) return false;
    const [first] = next.list;
    const reads = first?.[0].text === '&' && first[1].text === name && index.get(first[1]) === index.get(first[0]) + 1;
    if (reads) return call.name === 'ph_der_enter' ? derReaders.test(next.name) || readers.has(next.name) : derValues.test(next.name);
    if (tokens[k].text === 'return' || readers.has(next.name)) return false;
  }
  return false;
}

/** Whether tokens[k] begins `if (name.rest.len == 0) return PH_ERR_MALFORMED;`, or the same of name.value. */
function refusesEmpty(tokens, k, name) {
  const text = tokens.slice(k, k + 12).map((one) => one.text).join(' ');
  return ['rest', 'value'].some((what) => text === `if ( ${name} . ${what} . len == 0 ) return PH_ERR_MALFORMED`);
}

/** Whether tokens[at] is x of a PH_TRY(ph_der_end(&x)) that is always run before tokens[i], and the last to touch x. */
function isAtEnd(tokens, at, i) {
  const text = tokens.slice(at - 5, at + 4).map((one) => one.text).join(' ');
  let depth = 0;
  for (const { text: between } of tokens.slice(at + 4, i)) {
    if (between === '{') depth++;
    if (between === '}' && --depth < 0) return false;
  }
  return text === `PH_TRY ( ph_der_end ( & ${tokens[at].text} ) ) ;` && ';{}'.includes(tokens[at - 6].text);
}

/** Functions of this file that take a reader first, and whose first statement is a DER reader of it in PH_TRY: what they make of nothing. */
function readersOf(tokens, index) {
  const found = new Set();
  for (let k = 0; k + 5 < tokens.length; k++) {
    if (tokens.slice(k + 1, k + 5).map((one) => one.text).join(' ') !== '( struct ph_reader *') continue;
    const name = tokens[k + 5].text;
    let at = index.get(tokens[k + 1].mate) + 1;
    if (tokens[at]?.text !== '{') continue;
    for (at++; /^(struct|uint64_t|size_t|enum|int64_t)$/.test(tokens[at].text); at++) {
      while (tokens[at].text !== ';' && !'({'.includes(tokens[at].text)) at++;
      if (tokens[at].text !== ';') break;
    }
    const first = tokens[at].text === 'PH_TRY' && callAt(tokens, index, at + 2);
    if (first && derReaders.test(first.name) && first.list[0][0].text === name && first.list[0][1].text === name) found.add(tokens[k].text);
  }
  return found;
}

/** The call whose name is tokens[k]: { name, list }. */
function callAt(tokens, index, k) {
  return tokens[k]?.type === 'word' && tokens[k + 1]?.text === '(' ? { name: tokens[k].text, list: argumentsOf(tokens, index, k + 1) } : undefined;
}

/** Whether tokens[k] is a name in `struct ph_reader a, b = …, c;` or `struct ph_der …` without a value of its own. */
function isDeclared(tokens, index, k) {
  if (tokens[k + 1].text !== ',' && tokens[k + 1].text !== ';') return false;
  let start = k;
  for (; !';{}'.includes(tokens[start - 1].text) || (tokens[start - 1].text === '}' && tokens[start].text === ','); start--) {
    if (tokens[start - 1].text === '}') start = index.get(tokens[start - 1].mate) + 1;
  }
  return tokens[start].text === 'struct' && /^ph_(reader|der)$/.test(tokens[start + 1].text);
}

function inLoop(tokens, index, i, inside) {
  const looped = (k) => tokens[k].text === 'do' || (tokens[k].text === ')' && /^(for|while)$/.test(tokens[index.get(tokens[k].mate) - 1].text));
  if (looped(i - 1)) return true;
  for (let k = index.get(inside.open) + 1; k < i; k++) {
    if (tokens[k].text === '{' && index.get(tokens[k].mate) > i && looped(k - 1)) return true;
  }
  return false;
}

/** Bodies of functions: where they open, and whether they return an enum ph_err. */
function functionsOf(tokens) {
  const functions = [];
  let head = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (token.text === '{' && token.mate) {
      if (head.at(-1) === ')') functions.push({ open: token, fails: /\benum ph_err\b[^()]*\(/.test(head.join(' ')) });
      const close = token.mate;
      while (tokens[i] !== close) i++;
      if (head.at(-1) === ')') head = [];
    } else if (token.text === ';') {
      head = [];
    } else {
      head.push(token.text);
    }
  }
  return functions;
}

/** The arguments of the call whose opening bracket is tokens[open]: [first, last] of each. */
function argumentsOf(tokens, index, open) {
  const close = index.get(tokens[open].mate);
  const list = [];
  let start = open + 1;
  for (let k = start; k <= close; k++) {
    const token = tokens[k];
    if (k < close && token.mate && '([{'.includes(token.text)) k = index.get(token.mate);
    else if (k === close || token.text === ',') {
      if (k > start) list.push([tokens[start], tokens[k - 1]]);
      start = k + 1;
    }
  }
  return list;
}

/** The operand before (step -1) or after (1) a logical operator: [first, last], or undefined. */
function operand(tokens, index, i, step, whole = false) {
  const stops = new Set([',', ';', '?', ':', '=', '|=', '&=', 'return', '{', '}', ...(whole ? [] : ['&&', '||'])]);
  let k = i + step;
  for (; k >= 0 && k < tokens.length; k += step) {
    const token = tokens[k];
    if (stops.has(token.text)) break;
    if (!token.mate) continue;
    if (step > 0 ? ')]}'.includes(token.text) : '([{'.includes(token.text)) break;
    k = index.get(token.mate);
    if (k === undefined) return undefined;
  }
  const [first, last] = step > 0 ? [i + 1, k - 1] : [k + 1, i - 1];
  return first <= last ? [tokens[first], tokens[last]] : undefined;
}

export const applied = (text, { start, end, mutant }) => text.slice(0, start) + mutant + text.slice(end);

/** `count` of a list in its own order, drawn by a seed. */
export function sampled(list, count, seed) {
  let state = seed >>> 0;
  const draw = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const order = list.map((_, i) => [draw(), i]).sort((a, b) => a[0] - b[0]).slice(0, count);
  return order.map(([, i]) => i).sort((a, b) => a - b).map((i) => list[i]);
}
