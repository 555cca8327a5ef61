/** How lengths, sizes and states are written here. */
import type { RecordingDetail, RecordingKind } from '../../src/recording/index.ts';

const KINDS: Record<RecordingKind, string> = { participant: 'camera and microphone', audio: 'microphone', screen: 'screen' };

/** `1:02:03` */
export function length(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** `2 minutes 3 seconds`, as it is spoken. */
export function spoken(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  return minutes > 0 ? `${minutes} minutes ${rest} seconds` : `${rest} seconds`;
}

export function size(bytes: number): string {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toLocaleString([], { maximumFractionDigits: 1 })} MB`;
}

/** What, when, how long, how large; or how far it is. */
export function facts({ kind, status, startedAt, durationMs, bytes }: RecordingDetail): string {
  const at = new Date(startedAt).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short' });
  const how = { active: ['being recorded, or on its way'], composing: ['being made'], failed: [], ready: [length(durationMs ?? 0), size(bytes ?? 0)] }[status];
  return [KINDS[kind], at, ...how].join(' · ');
}

/** What is missing of it, or nothing. */
export function missing({ gaps }: RecordingDetail): string {
  if (gaps.length === 0) return '';
  const first = gaps.slice(0, 3).map(({ fromMs, toMs }) => `${length(fromMs)}–${length(toMs)}`);
  return `Nothing was recorded, or nothing arrived, at ${first.join(', ')}${gaps.length > 3 ? ` and ${gaps.length - 3} more` : ''}.`;
}
