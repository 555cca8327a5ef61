/**
 * Several hosts on one machine: two networks that meet in a router, which is the namespace that the tests run in. The
 * server and the TURN server stand on the router. `scripts/test-browser.mjs` makes the namespace, and it goes with it.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:net';
import { CHROMIUM, eventually } from './browser.ts';

/** Where the hosts are, unless a test says otherwise: nobody routes these addresses. */
const PRIVATE = '10.77';
/** The router's address that every host reaches. */
export const ROUTER = `${PRIVATE}.1.1`;
const TURN_PORT = 3478;
export const TURN_SECRET = 'a secret of the tests';

export type Host = 'left' | 'right';
const HOSTS: readonly Host[] = ['left', 'right'];

function run(command: string, ...options: string[]): void {
  execFileSync(command, options, { stdio: ['ignore', 'ignore', 'pipe'] });
}

export interface Network {
  /** A program that runs Chromium on this host. */
  chromiumOn(host: Host): string;
  /** Runs a command on this host. */
  spawnOn(host: Host, command: string, ...options: string[]): ChildProcess;
  /** Drops what goes from one host to the other. */
  blockDirect(): void;
  /** Drops all UDP: between the hosts, and to the router. */
  blockUdp(): void;
  /** Lets no more than so many bits a second through to and from a host, queues the rest for up to 200 ms, and loses a part of the packets. */
  narrow(host: Host, bitsPerSecond: number, lossPercent: number): void;
  /** Loses a part of all packets, so many of them at a time. */
  lose(percent: number, burst: number): void;
  open(): void;
  close(): void;
}

/** `prefix` is the first half of every address. */
export function makeNetwork(prefix = PRIVATE): Network {
  const folder = mkdtempSync(join(tmpdir(), 'tunrtc-hosts-'));
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  HOSTS.forEach((host, place) => {
    const net = `${prefix}.${place + 1}`;
    run('ip', 'netns', 'add', host);
    run('ip', 'link', 'add', `to-${host}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host);
    // No IPv6 address of its own: it would come a second later, and Chromium ends every request when addresses change.
    run('ip', 'link', 'set', `to-${host}`, 'addrgenmode', 'none');
    run('ip', '-n', host, 'link', 'set', 'eth0', 'addrgenmode', 'none');
    run('ip', 'addr', 'add', `${net}.1/24`, 'dev', `to-${host}`);
    run('ip', 'link', 'set', `to-${host}`, 'up');
    run('ip', '-n', host, 'addr', 'add', `${net}.2/24`, 'dev', 'eth0');
    run('ip', '-n', host, 'link', 'set', 'eth0', 'up');
    run('ip', '-n', host, 'link', 'set', 'lo', 'up');
    run('ip', '-n', host, 'route', 'add', 'default', 'via', `${net}.1`);
    const program = join(folder, host);
    writeFileSync(program, `#!/bin/sh\nexec ip netns exec ${host} ${CHROMIUM} "$@"\n`);
    chmodSync(program, 0o755);
  });
  run('nft', 'add', 'table', 'ip', 'walls');
  for (const hook of ['forward', 'input']) {
    run('nft', 'add', 'chain', 'ip', 'walls', `on-${hook}`, `{ type filter hook ${hook} priority 0 ; }`);
  }
  const drop = (hook: string, ...what: string[]) => run('nft', 'add', 'rule', 'ip', 'walls', `on-${hook}`, ...what, 'drop');
  return {
    chromiumOn: (host) => join(folder, host),
    spawnOn: (host, command, ...options) => spawn('ip', ['netns', 'exec', host, command, ...options], { stdio: 'pipe' }),
    blockDirect: () => drop('forward', 'iifname', 'to-*', 'oifname', 'to-*'),
    blockUdp: () => {
      drop('forward', 'ip', 'protocol', 'udp');
      drop('input', 'iifname', 'to-*', 'ip', 'protocol', 'udp');
    },
    narrow: (host, bitsPerSecond, lossPercent) => {
      const queue = ['tbf', 'rate', `${bitsPerSecond}bit`, 'burst', '5000', 'latency', '200ms'];
      run('tc', 'qdisc', 'replace', 'dev', `to-${host}`, 'root', ...queue);
      run('tc', '-n', host, 'qdisc', 'replace', 'dev', 'eth0', 'root', ...queue);
      // What is lost was sent: the line is charged for it.
      drop('forward', 'ip', 'protocol', 'udp', 'numgen', 'random', 'mod', '1000', '<', String(lossPercent * 10));
    },
    lose: (percent, burst) => drop('forward', 'ip', 'protocol', 'udp', 'numgen', 'inc', 'mod', String((burst * 100) / percent), '<', String(burst)),
    open: () => run('nft', 'flush', 'table', 'ip', 'walls'),
    close: () => {
      run('nft', 'delete', 'table', 'ip', 'walls');
      for (const host of HOSTS) run('ip', 'netns', 'del', host);
      rmSync(folder, { recursive: true });
    },
  };
}

export interface Turn {
  urls: string[];
  stop(): Promise<void>;
}

/** A real coturn on the router, for UDP and TCP, that shares its secret with the server. */
export async function startTurn(): Promise<Turn> {
  const options = [
    ['-n'],
    ['--listening-ip', ROUTER],
    ['--relay-ip', ROUTER],
    ['--listening-port', String(TURN_PORT)],
    ['--fingerprint'],
    ['--use-auth-secret'],
    ['--static-auth-secret', TURN_SECRET],
    ['--realm', 'tunrtc.test'],
    ['--no-cli'],
    ['--no-tls'],
    ['--no-dtls'],
    ['--no-multicast-peers'],
    ['--log-file', 'stdout'],
    ['--pidfile', '/dev/null'],
  ].flat();
  const child = spawn('turnserver', options, { stdio: 'ignore' });
  await eventually(() => listens(ROUTER, TURN_PORT), 'the TURN server listens', 10_000);
  return {
    urls: ['udp', 'tcp'].map((transport) => `turn:${ROUTER}:${TURN_PORT}?transport=${transport}`),
    stop: async () => {
      child.kill();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

export function listens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
