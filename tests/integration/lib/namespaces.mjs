// A network of the test's own: members in network namespaces, a router between them and this machine.
import { spawnSync } from 'node:child_process';
import { atEnd } from './proc.mjs';

const ip = (...args) => spawnSync('ip', args, { encoding: 'utf8' });
function must(...args) {
  const out = ip(...args);
  if (out.status !== 0) throw new Error(`ip ${args.join(' ')}: ${out.stderr}`);
}
const forward = (name) => ip('netns', 'exec', name, 'sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward').status === 0;

/** Why there can be no namespaces here; false if there can. */
export function noNamespaces() {
  if (process.getuid() !== 0) return 'network namespaces need root';
  const name = `ph-${process.pid}-probe`;
  const link = ip('netns', 'add', name).status === 0 && ip('link', 'add', `pp${process.pid}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name).status === 0 &&
    forward(name) && ip('-n', name, 'rule', 'add', 'from', '192.0.2.1', 'blackhole').status === 0;
  ip('netns', 'del', name);
  return link ? false : 'no network namespaces here';
}

/** A namespace `name` with one link to `from`, a namespace or (null) this machine: addresses here.1 there.2 of a /30. */
function join(t, name, link, from, here, there) {
  const at = from ? ['-n', from] : [];
  must('netns', 'add', name);
  atEnd(t, () => ip('netns', 'del', name));
  must(...at, 'link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  must(...at, 'address', 'add', `${here}/30`, 'dev', link);
  must(...at, 'link', 'set', link, 'up');
  for (const args of [['address', 'add', `${there}/30`, 'dev', 'eth0'], ['link', 'set', 'lo', 'up'], ['link', 'set', 'eth0', 'up'], ['route', 'add', 'default', 'via', here]]) must('-n', name, ...args);
}

/** `address` is this machine's, of servers that all members reach. */
export function startNetwork(t) {
  const net = `10.${64 + (process.pid % 64)}.${(process.pid >> 6) % 256}`;
  const address = `${net}.1`;
  must('address', 'add', `${address}/32`, 'dev', 'lo');
  atEnd(t, () => ip('address', 'del', `${address}/32`, 'dev', 'lo'));
  const router = `ph-${process.pid}-r`;
  join(t, router, `ph${process.pid}r`, null, `${net}.5`, `${net}.6`);
  if (!forward(router)) throw new Error('the router does not forward');
  must('route', 'add', `${net}.128/25`, 'via', `${net}.6`);
  return {
    address, subnet: `${net}.0/24`,
    /** Member `n`, 0 to 31: run programs in its namespace with `wrapper` before them. */
    member(n) {
      const name = `ph-${process.pid}-${n}`;
      const link = `m${n}`;
      const here = `${net}.${128 + 4 * n + 2}`;
      join(t, name, link, router, `${net}.${128 + 4 * n + 1}`, here);
      return {
        address: here, wrapper: ['ip', 'netns', 'exec', name],
        // On the way, without a word: an own route that goes nowhere would be an error at once.
        cut(other) { for (const pair of [[here, other], [other, here]]) must('-n', router, 'rule', 'add', 'from', pair[0], 'to', pair[1], 'blackhole'); },
        mend(other) { for (const pair of [[here, other], [other, here]]) must('-n', router, 'rule', 'del', 'from', pair[0], 'to', pair[1], 'blackhole'); },
        unplug() { must('-n', router, 'link', 'set', link, 'down'); },
        plug() { must('-n', router, 'link', 'set', link, 'up'); },
      };
    },
  };
}
