// Contracts' ABI -> C: node tools/abi.mjs OUT.h OUT.c contract.json…
//
// A JSON file is an ABI, or an object with a member "abi" as compilers write them; its name is the contract's. For each
// function, constructor, event and error the two outputs hold a struct, and a table for src/chain/abi.h with its
// selector or topic. What C has no form for (signed integers, functions, lists of nothing) ends the build.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';

import { keccak_256 } from '@noble/hashes/sha3';

const [headerPath, sourcePath, ...inputs] = process.argv.slice(2);
const keywords = new Set(('auto bool break case char const continue default do double else enum extern false float for goto if inline int long '
  + 'register restrict return short signed sizeof static struct switch true typedef union unsigned void volatile while').split(' '));

const snake = (name) => name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2').replace(/\W/g, '_').toLowerCase();
const member = (name, i) => {
  const c = snake(name || `arg${i}`).replace(/^_+/, '') || `arg${i}`;
  return keywords.has(c) ? `${c}_` : c;
};
const hash = (text) => keccak_256(new TextEncoder().encode(text));
const bytes = (list) => [...list].map((b) => `0x${b.toString(16).padStart(2, '0')}`).join(', ');

// "(uint8,bytes)[]" for a tuple, the type itself otherwise: as signatures write it.
const canonical = (p) => p.type.startsWith('tuple') ? `(${p.components.map(canonical).join(',')})${p.type.slice(5)}` : p.type;

class Contract {
  header = [];
  source = [];
  types = new Map(); // C table name -> what is known of it

  constructor(name, abi) {
    this.name = name;
    this.prefix = `ph_abi_${snake(name)}`;
    const names = new Map();
    for (const entry of abi) {
      const base = snake(entry.name ?? entry.type);
      const kind = `${entry.type} ${base}`;
      names.set(kind, (names.get(kind) ?? 0) + 1);
      const unique = names.get(kind) > 1 ? `${base}_${names.get(kind)}` : base;
      if (entry.type === 'function') this.call(unique, entry);
      else if (entry.type === 'constructor') this.call('constructor', { ...entry, name: '', outputs: [] });
      else if (entry.type === 'event' && !entry.anonymous) this.event(unique, entry);
    }
    this.errors(abi.filter((entry) => entry.type === 'error'));
  }

  // Facts of a type: its table, whether it is dynamic, its head, how a member of it is declared.
  type(p) {
    const list = /^(.*)\[(\d*)\]$/.exec(p.type);
    if (list) return this.list({ ...p, type: list[1] }, list[2]);
    if (p.type === 'tuple') return this.struct(p);
    const uint = /^uint(\d+)$/.exec(p.type);
    if (uint && +uint[1] <= 64) return { table: `ph_abi_u${uint[1]}`, head: 32, declare: (n) => `uint64_t ${n}` };
    if (uint) return this.sized('U256', +uint[1] / 8, 'struct ph_u256', 'u');
    if (p.type === 'bytes32') return { table: 'ph_abi_bytes32', head: 32, declare: (n) => `struct ph_hash32 ${n}` };
    const fixed = /^bytes(\d+)$/.exec(p.type);
    if (fixed) return { ...this.sized('FIXED', +fixed[1], `uint8_t[${fixed[1]}]`, 'bytes'), declare: (n) => `uint8_t ${n}[${fixed[1]}]` };
    const plain = { bool: 'bool', address: 'struct ph_eth_address', bytes: 'struct ph_bytes', string: 'struct ph_bytes' }[p.type];
    if (!plain) throw new Error(`${this.name}: C has no form for ${p.type} ${p.name}`);
    const dynamic = p.type === 'bytes' || p.type === 'string';
    return { table: dynamic ? 'ph_abi_bytes' : `ph_abi_${p.type}`, dynamic, head: 32, declare: (n) => `${plain} ${n}` };
  }

  define(table, facts, text) {
    if (!this.types.has(table)) {
      this.types.set(table, facts);
      this.source.push(`static const struct ph_abi_type ${table} = {${text}};`);
    }
    return this.types.get(table);
  }

  sized(kind, size, c, name) {
    const table = `${this.prefix}_type_${name}${size * (kind === 'U256' ? 8 : 1)}`;
    return this.define(table, { table, head: 32, declare: (n) => `${c} ${n}` },
      `.kind = PH_ABI_${kind}, .size = ${size}, .head = 32, .c_size = sizeof(${c})`);
  }

  list(element, cnt) {
    const of = this.type(element);
    if (of.head === 0 || cnt === '0') throw new Error(`${this.name}: a list of nothing`);
    const table = `${of.table.startsWith(this.prefix) ? '' : `${this.prefix}_type_`}${of.table}_${cnt ? `x${cnt}` : 'list'}`;
    if (!cnt) return this.define(table, { table, dynamic: true, head: 32, declare: (n) => `struct ph_abi_list ${n}` },
      `.kind = PH_ABI_LIST, .dynamic = true, .head = 32, .c_size = sizeof(struct ph_abi_list), .of = &${of.table}`);
    const head = of.dynamic ? 32 : of.head * cnt;
    const declare = (n) => of.declare(`${n}[${cnt}]`);
    return this.define(table, { table, dynamic: of.dynamic, head, declare },
      `.kind = PH_ABI_ARRAY, .size = ${cnt}, .dynamic = ${!!of.dynamic}, .head = ${head}, .c_size = sizeof(${of.declare(`[${cnt}]`).replace(' [', '[')}), .of = &${of.table}`);
  }

  struct(p) {
    const given = /struct (?:\w+\.)?(\w+)/.exec(p.internalType ?? '')?.[1] ?? p.name;
    const name = `${this.prefix}_${snake(given)}`;
    return this.types.get(`${name}_type`) ?? this.tuple(name, p.components);
  }

  // struct NAME, and the table of its fields.
  tuple(name, params) {
    if (params.length === 0) return { table: 'ph_abi_nothing', head: 0 };
    const fields = this.members(name, params);
    return this.tableOf(`${name}_type`, name, params.map((_, i) => i), fields);
  }

  members(name, params) {
    const fields = params.map((p, i) => ({ ...this.type(p), name: member(p.name, i), note: canonical(p) }));
    this.header.push(`struct ${name} {`, ...fields.map((f) => `    ${f.declare(f.name)}; /* ${f.note} */`), '};');
    return fields;
  }

  tableOf(table, struct, chosen, fields) {
    const dynamic = chosen.some((i) => fields[i].dynamic);
    const head = dynamic ? 32 : chosen.reduce((sum, i) => sum + fields[i].head, 0);
    const list = chosen.length > 0 ? `${table}_fields` : 'NULL';
    if (chosen.length > 0) this.source.push(`static const struct ph_abi_field ${list}[] = {`,
      ...chosen.map((i) => `    {&${fields[i].table}, offsetof(struct ${struct}, ${fields[i].name})},`), '};');
    return this.define(table, { table, dynamic, head, declare: (n) => `struct ${struct} ${n}` },
      `.kind = PH_ABI_TUPLE, .size = ${chosen.length}, .dynamic = ${dynamic}, .head = ${head}, .c_size = sizeof(struct ${struct}), .fields = ${list}`);
  }

  call(unique, entry) {
    const name = `${this.prefix}_${unique}`;
    const signature = `${entry.name}(${entry.inputs.map(canonical).join(',')})`;
    this.header.push(`/* ${entry.name ? signature : `constructor${signature}`} */`);
    const taken = this.tuple(`${name}_args`, entry.inputs);
    const given = this.tuple(`${name}_result`, entry.outputs ?? []);
    this.header.push(`extern const struct ph_abi_call ${name};`, '');
    this.source.push(`const struct ph_abi_call ${name} = {`, `    "${signature}", {${bytes(hash(signature).slice(0, 4))}}, &${taken.table}, &${given.table}};`, '');
  }

  event(unique, entry) {
    const name = `${this.prefix}_${unique}_event`;
    const signature = `${entry.name}(${entry.inputs.map(canonical).join(',')})`;
    // Only its hash is in the topic.
    const params = entry.inputs.map((p) => p.indexed && (/^(bytes|string|tuple.*)$/.test(p.type) || p.type.endsWith(']')) ? { ...p, type: 'bytes32' } : p);
    this.header.push(`/* event ${signature} */`);
    const indices = params.map((_, i) => i);
    let indexed = { table: 'ph_abi_nothing' }, data = indexed;
    if (params.length > 0) {
      const fields = this.members(name, params);
      indexed = this.tableOf(`${name}_topics`, name, indices.filter((i) => params[i].indexed), fields);
      data = this.tableOf(`${name}_data`, name, indices.filter((i) => !params[i].indexed), fields);
    }
    this.header.push(`extern const struct ph_abi_event ${name};`, '');
    this.source.push(`const struct ph_abi_event ${name} = {`, `    "${signature}", {{${bytes(hash(signature))}}}, &${indexed.table}, &${data.table}};`, '');
  }

  errors(entries) {
    if (entries.length === 0) return;
    this.header.push(`/* Custom errors. */`, `extern const struct ph_abi_error ${this.prefix}_errors[${entries.length}];`, '');
    this.source.push(`const struct ph_abi_error ${this.prefix}_errors[${entries.length}] = {`,
      ...entries.map((e) => `${e.name}(${e.inputs.map(canonical).join(',')})`).map((s) => `    {"${s}", {${bytes(hash(s).slice(0, 4))}}},`), '};');
  }
}

const contracts = inputs.map((path) => {
  const json = JSON.parse(readFileSync(path, 'utf8'));
  return new Contract(basename(path, '.json'), Array.isArray(json) ? json : json.abi);
});
const guard = `${snake(basename(headerPath)).toUpperCase()}_`;
const made = '/* Made by tools/abi.mjs from the ABI of contracts. */';
writeFileSync(headerPath, [`#ifndef ${guard}`, `#define ${guard}`, '', made, '', '#include "chain/abi.h"', '',
  ...contracts.flatMap((c) => c.header), '#endif', ''].join('\n'));
writeFileSync(sourcePath, [made, '', `#include "${basename(headerPath)}"`, '', '#include <stddef.h>', '',
  ...contracts.flatMap((c) => c.source), ''].join('\n'));
