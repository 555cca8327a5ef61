import type { TunRTCClient } from 'tunrtc-client';
import { ServerClock } from '../server-clock.ts';
import { tracksOf } from './capture.ts';
import { browserEnvironment, type RecordingEnvironment } from './environment.ts';
import { RecordingError, storageError } from './error.ts';
import { Recording } from './recording.ts';
import type { Saved, Spool } from './spool.ts';
import { essenceOf, recordingTypes, type RecorderType } from './types.ts';
import type { RecordingKind, RecordingStarted } from '../wire.ts';

/** Of a picture, unless it is said otherwise: 720p looks good at this. */
const BITS_PER_SECOND = 1_500_000;
/** What was not uploaded for so long cannot be any more: the server has deleted the rest. */
const KEPT_MS = 7 * 24 * 3_600_000;
const LOCK = 'tunrtc-recording-';

/** What is recorded, and how. */
export interface StartRecordingOptions {
  /** `participant`: camera and microphone, whichever is on; `participant` when absent. */
  kind?: RecordingKind;
  /** Of the picture; 1,500,000 when absent. */
  videoBitsPerSecond?: number;
  environment?: Partial<RecordingEnvironment>;
}

/** What becomes of recordings that a crash or a reload has interrupted. */
export interface ResumeOptions {
  /** Whether the recording of the session that the client is in goes on; `true` when absent. */
  goOn?: boolean;
  /** Of the picture; 1,500,000 when absent. */
  videoBitsPerSecond?: number;
  environment?: Partial<RecordingEnvironment>;
}

/** What a recording cannot do without. */
interface Means {
  client: TunRTCClient;
  environment: RecordingEnvironment;
  Recorder: RecorderType;
  spool: Spool;
  hold: NonNullable<RecordingEnvironment['hold']>;
  clock: ServerClock;
  videoBitsPerSecond: number;
}

/**
 * Records oneself in the session that the client is in, until the recording is stopped, the session is left or, for a screen, nothing is
 * shared any more. Camera off and on, mute, another device: the recording goes on. One that a crash has interrupted is taken up. Rejects with
 * the server's `TunRTCError`, or with a {@link RecordingError}; then nothing is recorded, here or there.
 */
export async function startRecording(client: TunRTCClient, options: StartRecordingOptions = {}): Promise<Recording> {
  const { kind = 'participant' } = options;
  const means = meansOf(client, options);
  const types = typesOf(means, kind);
  const [mimeType = ''] = types;
  const { sessionId } = client;
  if (!sessionId || (kind === 'screen' && tracksOf(client, kind).length === 0)) {
    throw new RecordingError('nothing_to_record', sessionId ? 'No screen is shared.' : 'Join a session first.');
  }
  const asked = { sessionId, kind, mimeType };
  const started = await client.api.call<RecordingStarted>('POST', '/api/session/recording/start', asked).catch((thrown: unknown) => thrown);
  if (!isStarted(started)) return goOn(means, await interrupted(means, asked, started));
  const recording = await prepare(means, started, asked).catch(async (thrown: unknown) => {
    await client.api.call('DELETE', `/api/recordings/${encodeURIComponent(started.recordingId)}`).catch(() => {});
    throw thrown;
  });
  record(means, recording, types);
  return recording;
}

/**
 * Takes up what a crash, a reload or a closed tab has interrupted: what was kept on this device goes to the server, and where the client is
 * in that session, the recording goes on. What another tab has in hands, and what is another user's, is left alone. Resolves with each,
 * once it is known whether it can be taken up; one that cannot is `failed`.
 */
export async function resumeRecordings(client: TunRTCClient, options: ResumeOptions = {}): Promise<Recording[]> {
  const means = meansOf(client, options);
  const resumed: Recording[] = [];
  for (const saved of await kept(means)) {
    const recording = await takeUp(means, saved.recordingId);
    if (!recording) continue;
    resumed.push(recording);
    if (options.goOn !== false && isToGoOn(client, saved)) goOn(means, recording);
    else recording.bringHome();
  }
  return resumed;
}

function meansOf(client: TunRTCClient, { environment: more, videoBitsPerSecond = BITS_PER_SECOND }: ResumeOptions): Means {
  const environment = { ...browserEnvironment(), ...more };
  const { Recorder, spool, hold } = environment;
  if (!Recorder || !spool || !hold) throw new RecordingError('unsupported', 'This browser cannot record.');
  const clock = new ServerClock(async () => (await client.api.health()).timestamp, environment.now);
  return { client, environment, Recorder, spool, hold, clock, videoBitsPerSecond };
}

function typesOf({ Recorder }: Means, kind: RecordingKind): string[] {
  const [best, ...others] = recordingTypes(kind, Recorder);
  if (!best) throw new RecordingError('unsupported', 'This browser records no type that can be used.');
  return [best, ...others.filter((type) => essenceOf(type) === essenceOf(best))];
}

function isStarted(answer: unknown): answer is RecordingStarted {
  return typeof answer === 'object' && answer !== null && 'recordingId' in answer && 'maxChunkBytes' in answer;
}

/** Whose recordings the client may take up: an app's users have no account here, and the server tells whose they are. */
function ownerOf(client: TunRTCClient): string {
  return client.user?.userId ?? '';
}

async function prepare(means: Means, { recordingId, chunkSeconds, maxChunkBytes }: RecordingStarted, about: Pick<Saved, 'sessionId' | 'kind' | 'mimeType'>): Promise<Recording> {
  const { client, environment, spool, hold, clock } = means;
  const saved: Saved = {
    ...about,
    recordingId,
    chunkSeconds,
    maxChunkBytes,
    userId: ownerOf(client),
    nextSeq: 0,
    segments: [],
    endedAt: 0,
    isFinished: false,
    savedAt: environment.wallClock(),
  };
  const release = (await hold(LOCK + recordingId)) ?? (() => {});
  try {
    await Promise.all([spool.save(saved).catch((thrown: unknown) => Promise.reject(storageError(thrown))), clock.look()]);
    if (client.sessionId !== about.sessionId) throw new RecordingError('closed', 'The session was left.');
  } catch (thrown) {
    await spool.forget(recordingId).catch(() => {});
    release();
    throw thrown;
  }
  return new Recording({ client, environment, spool, clock, saved, waiting: [], release });
}

/** The recording that the server says is active, if it was this browser's and no tab has it in hands; else what the server said is thrown. */
async function interrupted(means: Means, { sessionId, kind }: Pick<Saved, 'sessionId' | 'kind'>, refusal: unknown): Promise<Recording> {
  if ((refusal as { code?: string }).code !== 'recording_active') throw refusal;
  for (const saved of await kept(means)) {
    if (saved.sessionId !== sessionId || saved.kind !== kind || saved.isFinished) continue;
    const recording = await takeUp(means, saved.recordingId);
    if (recording && recording.state !== 'failed') return recording;
  }
  throw refusal;
}

/** What is this user's, and can still be brought home. */
async function kept({ client, environment, spool }: Means): Promise<Saved[]> {
  const all = await spool.all().catch((thrown: unknown) => Promise.reject(storageError(thrown)));
  const isOld = ({ savedAt }: Saved) => environment.wallClock() - savedAt > KEPT_MS;
  for (const { recordingId } of all.filter(isOld)) await spool.forget(recordingId);
  return all.filter((saved) => !isOld(saved) && saved.userId === ownerOf(client));
}

/** Takes a recording for this tab, and asks the server about it; nothing where another tab has it. */
async function takeUp({ client, environment, spool, hold, clock }: Means, recordingId: string): Promise<Recording | undefined> {
  const release = await hold(LOCK + recordingId);
  if (!release) return undefined;
  // Another tab may have brought it home since.
  const saved = (await spool.all()).find((each) => each.recordingId === recordingId);
  if (!saved) return void release();
  await clock.look();
  const recording = new Recording({ client, environment, spool, clock, saved, waiting: await spool.waiting(recordingId), release });
  await recording.look();
  return recording;
}

function isToGoOn(client: TunRTCClient, { sessionId, kind, isFinished }: Saved): boolean {
  return !isFinished && client.sessionId === sessionId && (kind !== 'screen' || tracksOf(client, kind).length > 0);
}

function goOn(means: Means, recording: Recording): Recording {
  const { kind, mimeType } = recording;
  const others = recordingTypes(kind, means.Recorder).filter((type) => type !== mimeType && essenceOf(type) === essenceOf(mimeType));
  if (recording.state !== 'failed') record(means, recording, [mimeType, ...others]);
  return recording;
}

function record({ Recorder, videoBitsPerSecond }: Means, recording: Recording, types: readonly string[]): void {
  recording.record({ Recorder, types, videoBitsPerSecond });
}
