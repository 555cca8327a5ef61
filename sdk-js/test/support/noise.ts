/** A picture that costs bits. The browser's own test picture costs next to nothing, and shows nothing of a limit. */
import { randomFillSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const NOISE = { width: 1280, height: 720 };
/** Of those who are only there to be sent something. */
export const TINY = { width: 160, height: 90, frameRate: 5 };
const FRAMES = 8;

export interface Film {
  /** Has Chromium take the film for its camera. */
  option: string;
  remove(): void;
}

/** A film of noise (YUV4MPEG2): nothing in it can be foretold from the frame before, so an encoder spends what it may. */
export function noise(): Film {
  const folder = mkdtempSync(join(tmpdir(), 'tunrtc-noise-'));
  const { width, height } = NOISE;
  const frame = () => [Buffer.from('FRAME\n'), randomFillSync(Buffer.alloc((width * height * 3) / 2))];
  const film = join(folder, 'noise.y4m');
  const head = Buffer.from(`YUV4MPEG2 W${width} H${height} F15:1 Ip A1:1 C420jpeg\n`);
  writeFileSync(film, Buffer.concat([head, ...Array.from({ length: FRAMES }, frame).flat()]));
  return { option: `--use-file-for-fake-video-capture=${film}`, remove: () => rmSync(folder, { recursive: true }) };
}

/** Whether there is time for the whole of it: `make test-media`. */
export const IS_FULL = process.env['TUNRTC_FULL'] === '1';
