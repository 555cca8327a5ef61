import type { TranscriptLine } from '../wire.ts';

/** A cue is shown for so long at least, in milliseconds. */
const SHORTEST_CUE_MS = 1_000;

/**
 * A transcript as WebVTT, for a player's `<track>`; the server's own is the same.
 *
 * @param origin what is 0:00 in the recording, as RFC 3339; what began before it begins with it
 */
export function toVtt(lines: readonly TranscriptLine[], origin: string): string {
  const since = (at: string) => Math.max(Date.parse(at) - Date.parse(origin), 0);
  const cues = lines.map(({ startedAt, endedAt, fromUsername, text }) => {
    const from = since(startedAt);
    const until = Math.max(since(endedAt), from + SHORTEST_CUE_MS);
    return `\n${cueTime(from)} --> ${cueTime(until)}\n<v ${escaped(fromUsername)}>${escaped(text)}\n`;
  });
  return `WEBVTT\n${cues.join('')}`;
}

/** A transcript as plain text, a line a sentence: `[12:00:03] Alice: Good morning.`, in UTC. */
export function toText(lines: readonly TranscriptLine[]): string {
  return lines.map(({ startedAt, fromUsername, text }) => `[${startedAt.slice(11, 19)}] ${oneLine(fromUsername)}: ${oneLine(text)}\n`).join('');
}

/** `00:01:02.003` */
function cueTime(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${String(milliseconds % 1000).padStart(3, '0')}`;
}

/** One line that means nothing to WebVTT. */
function escaped(text: string): string {
  return oneLine(text).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}
