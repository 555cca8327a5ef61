/**
 * Recording of a call, as `tunrtc-client/recording`: everybody's own client records what it sends, before the network touches it, keeps
 * it on the device until the server has it, and uploads while it records. A crash, a reload or a lost line loses nothing that was kept.
 *
 * ```ts
 * const recording = await startRecording(client, { kind: 'participant' });
 * await recording.stop();
 * ```
 * When the page is loaded again, and the session joined if it is to go on:
 * ```ts
 * await resumeRecordings(client);
 * ```
 * @module
 */
import type { Page, PageOptions, TunRTCClient } from 'tunrtc-client';
import type { RecordingDetail } from '../wire.ts';

export { resumeRecordings, startRecording } from './begin.ts';
export type { ResumeOptions, StartRecordingOptions } from './begin.ts';
export type { RecordingEnvironment } from './environment.ts';
export { RecordingError } from './error.ts';
export type { RecordingErrorCode } from './error.ts';
export type { Leftover } from './leftovers.ts';
export { whoRecords } from './marks.ts';
export { RecordingPlayer } from './player.ts';
export type { PlayerEvents, PlayerOptions, Screen, TrackState } from './player.ts';
export type { CaptureOptions, Recording, RecordingEvents, RecordingProgress, RecordingState, StopReason } from './recording.ts';
export type { Saved, Segment, Spool } from './spool.ts';
export { Timeline } from './timeline.ts';
export type { Place, Recorded, Stretch } from './timeline.ts';
export type { RecorderType } from './types.ts';
export type { RecordingDetail, RecordingFile, RecordingGap, RecordingKind, RecordingStatus } from '../wire.ts';

/**
 * Asks everybody in the session to record themselves, or to stop, for those who steer it. Each gets the event `recordingRequested`, and each
 * client decides: an app asks its user first. Whoever comes later finds it as `recordingRequested` in the session.
 */
export function requestRecording(client: TunRTCClient, recording: boolean, sessionId: string = client.sessionId ?? ''): Promise<void> {
  return client.api.call('POST', '/api/session/recording/request', { sessionId, recording });
}

/** One page of the recordings of a session, for those who take or took part in it. */
export function listRecordings(client: TunRTCClient, sessionId: string = client.sessionId ?? '', options: PageOptions = {}): Promise<Page<RecordingDetail>> {
  return client.api.list(`/api/session/${encodeURIComponent(sessionId)}/recordings`, options);
}

/** One recording, with fresh URLs. */
export function getRecording(client: TunRTCClient, recordingId: string): Promise<RecordingDetail> {
  return client.api.call('GET', `/api/recordings/${encodeURIComponent(recordingId)}`);
}

/** Deletes a recording with its files, for whoever recorded it and the session's host. */
export function deleteRecording(client: TunRTCClient, recordingId: string): Promise<void> {
  return client.api.call('DELETE', `/api/recordings/${encodeURIComponent(recordingId)}`);
}
