// Installs what the SDK is built and tested with, as package-lock.json says, unless that was done. On any system: `node sdk-js/scripts/packages.mjs`.
import { execSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const changed = (path) => statSync(at(path), { throwIfNoEntry: false })?.mtimeMs ?? 0;

if (changed('node_modules/.package-lock.json') <= changed('package-lock.json')) {
  // Older ones say that there is no lock file, because they cannot read what stands below `overrides`. Node.js 20 brings npm 10; the
  // Node.js 20 of Debian 13 brings npm 9.
  const npm = execSync('npm --version', { encoding: 'utf8' }).trim();
  if (Number.parseInt(npm, 10) < 10) {
    console.error(`packages: npm ${npm} is too old, version 10 is needed: as root, npm install --global npm@10`);
    process.exit(2);
  }
  execSync('npm ci --no-audit --no-fund', { cwd: at(''), stdio: 'inherit' });
}
