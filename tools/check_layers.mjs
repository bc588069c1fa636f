// Holds every #include of src/ and apps/ against tools/layers.json:
//   - a module uses only the modules listed for it, and a *_priv.h is seen only inside its directory;
//   - the table itself is in layer order, so that no cycle can be written into it;
//   - headers do not include each other in a circle;
//   - a library's headers are included only where the table says.
import { dirname, normalize } from 'node:path';
import { readSource, root, runChecks, sourceFiles } from './lib_source.mjs';
import { readFileSync } from 'node:fs';

const table = JSON.parse(readFileSync(`${root}/tools/layers.json`, 'utf8'));
const files = sourceFiles().filter((path) => /^(src|apps)\/.+\.[ch]$/.test(path));
const includes = new Map(files.map((path) => [path, includesOf(readSource(path))]));

// Headers that the build makes: a meson.build names them.
const generated = [...sourceFiles().filter((path) => /^(src|apps)\/.*meson\.build$/.test(path))
  .map(readSource).join('\n').matchAll(/'([\w./-]+\.(?:h|inc))'/g)].map((match) => match[1]);

function includesOf(text) {
  const list = [];
  text.split('\n').forEach((line, i) => {
    const match = /^\s*#\s*include\s+(["<])([^">]+)[">]/.exec(line);
    if (match) list.push({ name: match[2], quoted: match[1] === '"', line: i + 1 });
  });
  return list;
}

/** "src/keys/x.c" is unit keys of src; "apps/phalad/main.c" is unit phalad of apps. */
function unitOf(path) {
  const [top, unit] = path.split('/');
  return { top, unit, rule: (top === 'src' ? table.modules : table.apps)[unit] };
}

/** The file that a quoted include names, or undefined. */
function resolve(from, name) {
  for (const candidate of [normalize(`${dirname(from)}/${name}`), `src/${name}`]) {
    if (includes.has(candidate)) return candidate;
  }
  return undefined;
}

function tableInOrder() {
  const complaints = [];
  const seen = new Set();
  for (const [name, { uses }] of Object.entries(table.modules)) {
    for (const used of uses) {
      if (!seen.has(used)) complaints.push(`tools/layers.json: ${name} uses ${used}, which is not above it`);
    }
    seen.add(name);
  }
  for (const [name, { uses }] of Object.entries(table.apps)) {
    for (const used of uses) if (!seen.has(used)) complaints.push(`tools/layers.json: app ${name} uses unknown ${used}`);
  }
  return complaints;
}

function modulesAsListed() {
  const complaints = [];
  for (const [path, list] of includes) {
    const { top, unit, rule } = unitOf(path);
    if (path.split('/').length < 3) continue;
    if (!rule) {
      complaints.push(`${path}: ${top}/${unit} is not in tools/layers.json`);
      continue;
    }
    for (const { name, quoted, line } of list) {
      if (!quoted) continue;
      const target = resolve(path, name);
      if (!target) {
        if (!generated.some((made) => name === made || name.endsWith(`/${made}`))) complaints.push(`${path}:${line}: "${name}" is no file of src/`);
        continue;
      }
      const used = unitOf(target);
      const own = used.top === top && used.unit === unit;
      if (own) continue;
      if (used.top === 'apps' && rule.apps?.includes(used.unit)) continue;
      if (used.top !== 'src') complaints.push(`${path}:${line}: ${top}/${unit} must not include a file of ${used.top}/${used.unit}`);
      else if (!rule.uses.includes(used.unit)) complaints.push(`${path}:${line}: ${unit} must not use ${used.unit}`);
    }
  }
  return complaints;
}

function privateHeaders() {
  const complaints = [];
  for (const [path, list] of includes) {
    for (const { name, quoted, line } of list) {
      if (!quoted || !name.endsWith('_priv.h')) continue;
      const target = resolve(path, name);
      if (target && dirname(target) !== dirname(path)) complaints.push(`${path}:${line}: ${name} is private to ${dirname(target)}/`);
    }
  }
  return complaints;
}

function noHeaderCycles() {
  const complaints = [];
  const state = new Map();
  const visit = (path, trail) => {
    if (state.get(path) === 'done') return;
    if (state.get(path) === 'open') {
      complaints.push(`circle of includes: ${[...trail.slice(trail.indexOf(path)), path].join(' -> ')}`);
      return;
    }
    state.set(path, 'open');
    for (const { name, quoted } of includes.get(path)) {
      const target = quoted && resolve(path, name);
      if (target && target !== path) visit(target, [...trail, path]);
    }
    state.set(path, 'done');
  };
  for (const path of files) visit(path, []);
  return complaints;
}

function librariesWhereListed() {
  const complaints = [];
  for (const [path, list] of includes) {
    for (const { name, quoted, line } of list) {
      if (quoted) continue;
      for (const [prefix, { only, why }] of Object.entries(table.external)) {
        if (name.startsWith(prefix) && !only.some((place) => path.startsWith(place))) {
          complaints.push(`${path}:${line}: <${name}> belongs in ${only.join(', ')} only: ${why}`);
        }
      }
    }
  }
  return complaints;
}

runChecks([
  ['layers: the table is in layer order', tableInOrder],
  ['layers: modules use only what is listed', modulesAsListed],
  ['layers: private headers stay in their directory', privateHeaders],
  ['layers: headers form no circle', noHeaderCycles],
  ['layers: libraries are seen only by their module', librariesWhereListed],
]);
