/** Files of sound and pictures, as ffprobe sees them. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Stream {
  codec: string;
  /** When its first and its last packet are, in seconds. */
  from: number;
  to: number;
  /** The longest time between two packets, in seconds, and where. */
  hole: { seconds: number; at: number };
  /** Times of its key frames, in seconds. */
  keys: number[];
}

export interface MediaFile {
  /** In seconds, as the file says. */
  duration: number;
  video: Stream | undefined;
  audio: Stream | undefined;
  /** What ffmpeg complains of when all of it is decoded. */
  complaints: string;
}

interface Probed {
  format: { duration?: string };
  streams: { index: number; codec_type: string; codec_name: string }[];
  packets: { stream_index: number; pts_time?: string; flags: string }[];
}

/** Looks into a file, and decodes all of it. */
export function probe(bytes: Uint8Array): MediaFile {
  const folder = mkdtempSync(join(tmpdir(), 'tunrtc-recording-'));
  const file = join(folder, 'file');
  try {
    writeFileSync(file, bytes);
    const asked = ['-v', 'error', '-of', 'json', '-show_format', '-show_streams', '-show_packets', '-show_entries', 'packet=stream_index,pts_time,flags', file];
    const probed = JSON.parse(execFileSync('ffprobe', asked, { maxBuffer: 1e9 }).toString()) as Probed;
    // What the null muxer says of times that it has rounded is not about the file.
    const said = execFileSync('sh', ['-c', 'ffmpeg -v error -i "$0" -f null - 2>&1', file]).toString().split('\n');
    const complaints = said.filter((line) => !line.startsWith('[null @')).join('\n').trim();
    const of = (kind: string) => streamOf(probed, kind);
    return { duration: Number(probed.format.duration), video: of('video'), audio: of('audio'), complaints };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function streamOf({ streams, packets }: Probed, kind: string): Stream | undefined {
  const stream = streams.find(({ codec_type }) => codec_type === kind);
  if (!stream) return undefined;
  const own = packets.filter(({ stream_index, pts_time }) => stream_index === stream.index && pts_time !== undefined);
  const times = own.map(({ pts_time }) => Number(pts_time)).sort((a, b) => a - b);
  let hole = { seconds: 0, at: 0 };
  for (const [index, time] of times.entries()) {
    const before = times[index - 1] ?? time;
    if (time - before > hole.seconds) hole = { seconds: time - before, at: before };
  }
  const keys = own.filter(({ flags }) => flags.includes('K')).map(({ pts_time }) => Number(pts_time));
  return { codec: stream.codec_name, from: times[0] ?? NaN, to: times.at(-1) ?? NaN, hole, keys };
}
