/**
 * What a client runs on, in a few words: enough to see that something fails in one browser, too little to know anybody by.
 * @module
 */
import type { CallClient } from '../wire.ts';

/** The version of this package. */
const SDK = 'js 0.2.0';

/** In this order: some browsers name the ones that they are made like, too. */
const BROWSERS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['Edge', /Edg(?:e|A|iOS)?\/(\d+)/],
  ['Opera', /OPR\/(\d+)/],
  ['Samsung Internet', /SamsungBrowser\/(\d+)/],
  ['Firefox', /(?:Firefox|FxiOS)\/(\d+)/],
  ['Chrome', /(?:HeadlessChrome|Chrome|CriOS)\/(\d+)/],
  ['Safari', /Version\/(\d+).*Safari/],
];
const SYSTEMS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['iOS', /iPhone|iPad|iPod/],
  ['Android', /Android/],
  ['ChromeOS', /CrOS/],
  ['Windows', /Windows/],
  ['macOS', /Macintosh/],
  ['Linux', /Linux/],
];

/** By what a browser says of itself (its `navigator.userAgent`). */
export function machineOf(userAgent = ''): CallClient {
  const [browser, version] = BROWSERS.flatMap(([name, pattern]) => {
    const match = pattern.exec(userAgent);
    return match ? [name, match[1]] : [];
  });
  const os = SYSTEMS.find(([, pattern]) => pattern.test(userAgent))?.[0];
  return { ...(browser && { browser: `${browser} ${version}` }), ...(os && { os }), device: deviceOf(userAgent, os), sdk: SDK };
}

function deviceOf(userAgent: string, os: string | undefined): NonNullable<CallClient['device']> {
  if (/iPad/.test(userAgent) || (os === 'Android' && !/Mobile/.test(userAgent))) return 'tablet';
  if (os === 'iOS' || os === 'Android') return 'phone';
  return os ? 'desktop' : 'other';
}
