import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { recordingTypes, type RecorderType } from '../../src/recording/types.ts';
import { resumeRecordings, startRecording, whoRecords, type Recording, type RecordingError, type ResumeOptions, type StartRecordingOptions } from '../../src/recording/index.ts';
import type { TunRTCClient } from '../../src/index.ts';
import { settle } from '../support/clock.ts';
import { Town, type Person } from '../support/people.ts';
import { BYTES_PER_SECOND, FakeLocks, FakeRecordings, FakeSpool, recorderOf, type FakeRecorder } from '../support/recordings.ts';

let town: Town;
let server: FakeRecordings;
let spool: FakeSpool;
let locks: FakeLocks;
let Recorder: typeof FakeRecorder;
let alice: Person;
let sessionId: string;
/** What recordings told. */
let told: string[];

beforeEach(async () => {
  town = new Town();
  server = new FakeRecordings(town);
  [spool, locks, Recorder, told] = [new FakeSpool(), new FakeLocks(), recorderOf(town.clock), []];
  alice = await person('alice');
  sessionId = (await alice.client.createSession('room', 10)).sessionId;
  await during(alice.client.joinSession(sessionId));
});

const during = <Answer>(promise: Promise<Answer>) => town.during(promise);
const seconds = (count: number) => town.clock.advance(count * 1_000);

async function person(name: string): Promise<Person> {
  const one: Person = await town.person(name, { fetch: server.fetchOf(() => one) });
  return one;
}

/** The surroundings of one tab. */
const tab = ({ environment }: Person) => ({
  fetch: environment.fetch,
  now: environment.now,
  setTimeout: environment.setTimeout,
  clearTimeout: environment.clearTimeout,
  random: environment.random,
  onWake: environment.onWake,
  wallClock: () => Date.parse(town.clock.timestamp()),
  Recorder: Recorder as unknown as RecorderType,
  spool,
  hold: locks.of(environment),
});

function hear(recording: Recording): Recording {
  recording.on('stopped', ({ reason }) => told.push(`stopped: ${reason}`));
  recording.on('finished', () => told.push('finished'));
  recording.on('error', ({ code }) => told.push(`error: ${code}`));
  return recording;
}

const start = async (options: StartRecordingOptions = {}, who = alice) => hear(await during(startRecording(who.client, { ...options, environment: { ...tab(who), ...options.environment } })));
const resume = async (who: Person, options: ResumeOptions = {}) => (await during(resumeRecordings(who.client, { ...options, environment: tab(who) }))).map(hear);
const codeOf = (promise: Promise<unknown>) => promise.then(() => 'none', (error: RecordingError) => error.code);
/** What arrived, a letter a second: `v` of camera and microphone, `a` of one of them. */
const arrived = (recordingId = server.recordings[0]?.recordingId ?? '') => server.stored(recordingId).join('').replace(new RegExp(`(.)\\1{${BYTES_PER_SECOND - 1}}`, 'g'), '$1');
/** Stops it, and looks at what arrived. */
async function stopped(recording: Recording, all: RegExp): Promise<void> {
  await during(recording.stop());
  assert.match(arrived(), all);
}
/** The tab is killed: its timers run on in this test, and nothing comes of them. */
function kill(who: Person): void {
  who.environment.isOffline = true;
  who.environment.fetch = () => new Promise(() => {});
  locks.kill(who.environment);
  for (const recorder of Recorder.made) recorder.kill();
}

describe('a recording', () => {
  test('is uploaded while it is recorded, in pieces of four seconds, and leaves nothing on the device', async () => {
    const recording = await start();
    await seconds(17);
    assert.equal(arrived(), '<vvvvvvvvvvvvvvvv');
    assert.deepEqual(recording.progress, { recordedMs: 16_000, recorded: 4, waiting: 0, isDelayed: false });
    await during(recording.stop());
    assert.equal(arrived(), '<vvvvvvvvvvvvvvvvv>');
    const [made] = server.recordings;
    assert.deepEqual([made?.status, made?.lastSeq, made?.mimeType], ['composing', 4, 'video/mp4;codecs=avc1.640028,opus']);
    assert.ok(Math.abs((made?.durationMs ?? 0) - 17_000) < 100);
    assert.deepEqual([told, recording.state, spool.size], [['stopped: stopped', 'finished'], 'finished', 0]);
    assert.deepEqual(server.puts.map((put) => put.slice(0, 3)), ['200', '200', '200', '200', '200']);
  });

  test('begins when its first moment was, by the server’s clock', async () => {
    alice.environment.now = () => town.clock.now() + 777_777;
    const before = Date.parse(town.clock.timestamp());
    await start();
    const recorded = Date.parse(town.clock.timestamp());
    await seconds(5);
    const [segment] = server.recordings[0]?.segments ?? [];
    assert.equal(segment?.fromSeq, 0);
    assert.ok((segment?.startedAt ?? 0) >= before && Math.abs((segment?.startedAt ?? 0) - recorded) < 50);
  });

  test('goes on in a new segment when the camera goes off or on, or another device is chosen, and not when muted', async () => {
    const recording = await start();
    await seconds(6);
    await during(alice.client.setVideoEnabled(false));
    await seconds(5);
    await during(alice.client.setMuted(true));
    await seconds(2);
    await during(alice.client.setVideoEnabled(true));
    await seconds(3);
    alice.devices.plugIn('video', 'other');
    await during(alice.client.useCamera('other'));
    await seconds(3);
    await stopped(recording, /^<v{5,6}><a{6,7}><v{2,3}><v{2,3}>$/);
    const { segments = [], lastSeq = 0 } = server.recordings[0] ?? {};
    assert.deepEqual(segments.map(({ fromSeq }) => fromSeq), [0, 2, 4, 5]);
    assert.equal(lastSeq, 5);
    for (const { fromSeq } of segments) assert.match(server.stored('recording-1')[fromSeq] ?? '', /^</);
    const starts = segments.map(({ startedAt }, at) => Math.round((startedAt - (segments[at - 1]?.startedAt ?? startedAt)) / 1000));
    assert.deepEqual(starts, [0, 6, 7, 3]);
  });

  test('has a gap while both are off, and goes on', async () => {
    const recording = await start();
    await seconds(4.5);
    for (const track of alice.devices.live) track.end();
    await seconds(10);
    assert.match(arrived(), /^<vvvv.*>$/);
    await during(alice.client.setMuted(false));
    await seconds(5);
    await during(recording.stop());
    const { segments = [] } = server.recordings[0] ?? {};
    assert.ok((segments.at(-1)?.startedAt ?? 0) - (segments[0]?.startedAt ?? 0) > 14_000);
  });

  test('of a screen ends with it, and one of the microphone knows no camera', async () => {
    assert.equal(await codeOf(during(startRecording(alice.client, { kind: 'screen', environment: tab(alice) }))), 'nothing_to_record');
    await during(alice.client.startScreenShare());
    const [screen, audio] = [await start({ kind: 'screen' }), await start({ kind: 'audio' })];
    await seconds(5);
    await alice.client.stopScreenShare();
    await during(screen.done);
    assert.deepEqual(told, ['stopped: ended', 'finished']);
    await during(alice.client.setVideoEnabled(false));
    await seconds(5);
    await during(audio.stop());
    assert.match(arrived('recording-2'), /^<a{9,10}>$/);
  });

  test('ends with the session, and comes home afterwards', async () => {
    const recording = await start();
    await seconds(6);
    server.isCut = true;
    await during(alice.client.leaveSession());
    await seconds(40);
    assert.equal(recording.state, 'uploading');
    server.isCut = false;
    await during(recording.done);
    assert.match(arrived(), /^<vvvvvv?>$/);
    assert.deepEqual([told, spool.size], [['stopped: left', 'finished'], 0]);
  });

  test('is cut into pieces that the server takes', async () => {
    const recording = await start();
    Recorder.made[0]!.ondataavailable!({ data: new Blob(['<'.repeat(100), 'x'.repeat(2_300)]) });
    await during(recording.stop());
    assert.deepEqual(server.stored('recording-1').map(({ length }) => length), [1_000, 1_000, 400, 200]);
    assert.equal(server.recordings[0]?.segments.length, 1);
  });

  test('that has nothing is deleted', async () => {
    const recording = await start();
    for (const recorder of Recorder.made) recorder.ondataavailable = null;
    await during(recording.stop());
    assert.deepEqual([server.recordings[0]?.status, spool.size], ['deleted', 0]);
  });

  test('that is refused leaves nothing, here or there', async () => {
    server.refusals.push({ route: 'start', status: 403, code: 'forbidden' });
    assert.equal(await codeOf(start()), 'forbidden');
    spool.failure = 'QuotaExceededError';
    assert.equal(await codeOf(start()), 'storage_full');
    spool.failure = undefined;
    const left = start();
    void alice.client.leaveSession();
    assert.equal(await codeOf(left), 'closed');
    assert.equal(await codeOf(start()), 'nothing_to_record');
    assert.deepEqual(server.recordings.map(({ status }) => status), ['deleted', 'deleted']);
    assert.deepEqual([Recorder.made, spool.size, server.puts], [[], 0, []]);
  });

  test('of the same kind is not begun twice', async () => {
    await start();
    assert.equal(await codeOf(start()), 'recording_active');
    assert.equal(Recorder.made.length, 1);
  });
});

describe('uploads', () => {
  test('are tried again, later each time, when the store fails, and nothing arrives twice or out of place', async () => {
    const recording = await start();
    server.faults.push(503, 500, 'cut', 503);
    await seconds(13);
    assert.equal(recording.progress.isDelayed, false, 'it was, and is over');
    await seconds(10);
    await stopped(recording, /^<v{22,23}>$/);
    assert.equal(server.puts.filter((put) => put.startsWith('200')).length, server.objects.size);
    assert.ok(server.puts.filter((put) => put.startsWith('50')).length === 3);
  });

  test('go on after a line that was cut for 30 seconds, with all that was recorded meanwhile', async () => {
    const recording = await start();
    await seconds(9);
    server.isCut = true;
    alice.environment.isOffline = true;
    await seconds(30);
    assert.ok(recording.progress.waiting >= 7 && recording.progress.isDelayed);
    server.isCut = alice.environment.isOffline = false;
    alice.environment.wake();
    await seconds(2);
    assert.deepEqual([recording.progress.waiting, recording.progress.isDelayed], [0, false]);
    await stopped(recording, /^<v{40,41}>$/);
  });

  test('keep up with a store that takes longer for a piece than the piece lasts, three at a time', async () => {
    const recording = await start();
    server.slowMs = 9_000;
    await seconds(120);
    assert.ok(recording.progress.waiting <= 4, String(recording.progress.waiting));
    assert.equal(server.mostAtOnce, 3);
    await stopped(recording, /^<v{119,120}>$/);
  });

  test('give up a piece that takes a minute, and send it again', async () => {
    const recording = await start();
    server.slowMs = 100_000;
    await seconds(64);
    server.slowMs = 0;
    await seconds(60);
    assert.equal(recording.progress.waiting, 0);
    await stopped(recording, /^<v{123,124}>$/);
  });

  test('get fresh URLs when they run out, and when the store says that they are no good', async () => {
    const recording = await start();
    await seconds(50);
    const before = server.asked.length;
    server.faults.push(403);
    await seconds(10);
    assert.ok(server.asked.length > before);
    server.isCut = true;
    await seconds(900);
    server.isCut = false;
    await seconds(60);
    await during(recording.stop());
    assert.equal(server.puts.filter((put) => put.startsWith('403')).length, 1, 'what has run out is not tried');
    assert.match(arrived(), /^<v{1019,1020}>$/);
  });

  test('end when the recording was deleted, and nothing of it stays here', async () => {
    const recording = await start();
    await seconds(9);
    server.recordings[0]!.status = 'deleted';
    server.isCut = true;
    await seconds(1_000);
    assert.deepEqual([told.slice(0, 2), recording.state, spool.size], [['stopped: failed', 'error: gone'], 'failed', 0]);
    assert.equal(await codeOf(recording.stop()), 'gone');
    assert.equal(Recorder.made[0]?.state, 'inactive');
    assert.deepEqual(await recording.leftovers(), []);
  });

  test('end when the server has made its file without them: what is left can be saved here, after a reload too, until it is deleted', async () => {
    const recording = await start();
    await seconds(9);
    assert.deepEqual(await recording.leftovers(), [], 'nothing is left while it goes on');
    server.isCut = true;
    await seconds(12);
    await recording.discard();
    server.recordings[0]!.status = 'composing';
    await seconds(1_000);
    assert.deepEqual([told.slice(0, 2), recording.state], [['stopped: failed', 'error: gone'], 'failed']);
    await assert.rejects(recording.done, /ended: nothing of it had reached the server for too long\. What arrived is kept/);
    const read = async (one: Recording) => (await one.leftovers()).map(({ file, pieces, startedAt }) => file.text().then((text) => `${pieces} from ${startedAt - (server.recordings[0]?.segments[0]?.startedAt ?? 0)}: ${text.replace(/(.)\1{99}/g, '$1')}`));
    const left = await Promise.all(await read(recording));
    assert.equal(left.length, 1);
    assert.match(left[0] ?? '', /^\d+ from 8000: <v+$/);
    kill(alice);
    const again = await person('alice');
    const [resumed] = await resume(again);
    assert.deepEqual([resumed?.state, await Promise.all(await read(resumed!))], ['failed', left]);
    await resumed!.discard();
    assert.deepEqual([spool.size, await resume(again)], [0, []]);
  });

  test('are not given to a store that takes them when the server has made its file meanwhile: after a cut line, or a sleep', async () => {
    let slept = 0;
    const wallClock = () => Date.parse(town.clock.timestamp()) + slept;
    for (const away of [() => void (server.isCut = true), () => void (slept = 700_000)]) {
      const recording = await start({ environment: { wallClock } });
      const of = server.recordings.at(-1)!;
      await seconds(9);
      away();
      await seconds(1);
      of.status = 'composing';
      await seconds(server.isCut ? 12 : 0);
      server.isCut = false;
      const stored = server.stored(of.recordingId).length;
      await seconds(60);
      assert.equal(recording.state, 'failed');
      assert.equal(server.stored(of.recordingId).length, stored, 'nothing more was sent');
      assert.ok((await recording.leftovers()).length > 0);
      await recording.discard();
    }
    assert.deepEqual(told.filter((each) => each.startsWith('error')), ['error: gone', 'error: gone']);
  });

  test('that the server found too large are named, and not sent again', async () => {
    const recording = await start();
    await seconds(5);
    server.objects.set('recording-1/000000', 'x'.repeat(5_000));
    await during(alice.client.setVideoEnabled(false));
    await seconds(6);
    assert.deepEqual(told, ['error: piece_refused']);
    await during(recording.stop());
    assert.equal(server.objects.has('recording-1/000000'), false);
  });

  test('that the store refuses as too large are named, and not sent again: the others get there', async () => {
    server.faults.push('tooLarge');
    const recording = await start();
    await seconds(9);
    assert.deepEqual(told, ['error: piece_refused']);
    await during(recording.stop());
    assert.deepEqual([recording.state, spool.size, server.puts.filter((put) => put === '400 recording-1/000000').length], ['finished', 0, 1]);
    assert.ok(server.objects.has('recording-1/000001') && !server.objects.has('recording-1/000000'));
  });

  test('wait on the device for whoever may send them, if nobody is signed in any more', async () => {
    const recording = await start();
    await seconds(5);
    server.refusals.push({ route: 'uploads', status: 401, code: 'invalid_refresh_token' });
    await during(alice.client.setVideoEnabled(false));
    await seconds(5);
    assert.equal(recording.state, 'failed');
    assert.ok(told.includes('error: signed_out'));
    assert.ok(spool.size > 1);
    const [again] = await resume(alice, { goOn: false });
    await during(again!.done);
    assert.match(arrived(), /^<v{4,5}><a+>?$/);
    assert.equal(spool.size, 0);
  });
});

describe('a device', () => {
  test('that is full stops the recording with a clear error, and what was kept before is uploaded', async () => {
    const recording = await start();
    await seconds(9);
    server.isCut = true;
    await seconds(4);
    spool.failure = 'QuotaExceededError';
    await seconds(8);
    assert.deepEqual(told, ['error: storage_full', 'stopped: failed']);
    assert.equal(Recorder.made[0]?.state, 'inactive');
    server.isCut = false;
    await during(recording.done);
    assert.equal(arrived(), '<vvvvvvvvvvvv');
    assert.deepEqual([server.recordings[0]?.status, server.recordings[0]?.lastSeq, spool.size], ['composing', 2, 0]);
  });

  test('that writes too slowly stops it too: in memory there are never more than eight pieces', async () => {
    const recording = await start();
    await seconds(5);
    let open = () => {};
    spool.gate = new Promise((resolve) => (open = resolve));
    await seconds(120);
    assert.deepEqual(told, ['error: storage_failed']);
    open();
    await during(recording.done);
    assert.match(arrived(), /^<v{36}$/, 'those that were held are written when that goes on');
  });

  test('keeps a handle and a number of each piece for as long as an hour lasts, and no bytes in memory', async () => {
    const recording = await start();
    server.isCut = true;
    await seconds(3_600);
    assert.equal(recording.progress.waiting, 900);
    assert.equal(server.puts.length, 0);
    server.isCut = false;
    await during(recording.stop());
    assert.equal(arrived().length, 3_602);
    assert.equal(server.mostAtOnce, 3);
  });

  test('whose recorder fails takes the next type of the same container, and says so when none works', async () => {
    Recorder.broken.add('video/mp4;codecs=avc1.640028,opus');
    const recording = await start();
    await seconds(12);
    assert.equal(Recorder.made.at(-1)?.mimeType, 'video/mp4;codecs=vp9,opus');
    Recorder.broken.add('video/mp4;codecs=vp9,opus');
    await seconds(12);
    assert.deepEqual(told.slice(0, 1), ['error: recorder_failed']);
    await during(recording.done);
    Recorder.broken.clear();
  });
});

describe('after a crash', () => {
  /** Alice's browser is killed, and she comes back with the same profile. */
  async function comesBack(): Promise<Person> {
    kill(alice);
    await seconds(2);
    return person('alice');
  }

  test('the same browser brings home what it kept, and records on', async () => {
    await start();
    await seconds(9);
    server.isCut = true;
    await seconds(8);
    const again = await comesBack();
    server.isCut = false;
    await during(again.client.joinSession(sessionId));
    const [recording] = await resume(again);
    assert.equal(recording?.state, 'recording');
    await seconds(9);
    await during(recording!.stop());
    assert.match(arrived(), /^<v{16}<v{8,9}>$/);
    const [made] = server.recordings;
    assert.deepEqual(made?.segments.map(({ fromSeq }) => fromSeq), [0, 4]);
    assert.deepEqual([made?.status, spool.size, server.recordings.length], ['composing', 0, 1]);
  });

  test('what is still on the device comes home without the session, too', async () => {
    await start();
    await seconds(9);
    server.isCut = true;
    await seconds(8);
    const again = await comesBack();
    server.isCut = false;
    const [recording] = await resume(again);
    await during(recording!.done);
    assert.equal(arrived(), `<${'v'.repeat(16)}`);
    assert.deepEqual([server.recordings[0]?.status, server.recordings[0]?.lastSeq, spool.size], ['composing', 3, 0]);
  });

  test('whoever starts again goes on with the same recording', async () => {
    await start();
    await seconds(9);
    const again = await comesBack();
    await during(again.client.joinSession(sessionId));
    const recording = await start({}, again);
    assert.equal(recording.recordingId, 'recording-1');
    await seconds(5);
    await stopped(recording, /^<v{8}<v{4,5}>$/);
  });

  test('of two tabs one takes it up, and the other when that one is gone', async () => {
    await start();
    server.isCut = true;
    await seconds(9);
    const [one, other] = [await comesBack(), await person('alice')];
    assert.deepEqual((await Promise.all([resume(one), resume(other)])).map(({ length }) => length), [1, 0]);
    kill(one);
    const [recording] = await resume(other);
    server.isCut = false;
    await during(recording!.done);
    assert.equal(arrived(), '<vvvvvvvv');
  });

  test('what belongs to somebody else stays where it is', async () => {
    await start();
    server.isCut = true;
    await seconds(9);
    kill(alice);
    const before = spool.size;
    assert.deepEqual(await resume(await person('bob')), []);
    assert.equal(spool.size, before);
  });

  test('what the server has composed meanwhile goes on no more, and what is a week old is deleted', async () => {
    await start();
    await seconds(9);
    server.isCut = true;
    await seconds(8);
    const again = await comesBack();
    server.recordings[0]!.status = 'composing';
    const [recording] = await resume(again);
    assert.deepEqual([recording?.state, (await recording!.leftovers())[0]?.pieces], ['failed', 2]);
    await during(again.client.joinSession(sessionId));
    await start({}, again);
    kill(again);
    const later = tab(await person('alice')).wallClock() + 8 * 24 * 3_600_000;
    assert.deepEqual(await during(resumeRecordings(alice.client, { environment: { ...tab(alice), wallClock: () => later } })), []);
    assert.equal(spool.size, 0);
  });

  test('a segment that the server was not told of is told before its first piece, the earlier one first', async () => {
    await start();
    server.isCut = alice.environment.isOffline = true;
    await seconds(5);
    alice.devices.plugIn('video', 'other');
    await during(alice.client.useCamera('other'));
    await seconds(5);
    const again = await comesBack();
    server.isCut = false;
    const [recording] = await resume(again);
    await during(recording!.done);
    assert.deepEqual(server.asked.map(({ fromSeq }) => fromSeq), [0, 2, ...server.asked.slice(2).map(({ fromSeq }) => fromSeq)]);
    assert.match(arrived(), /^<v{5}><v{4}$/);
  });
});

describe('what is recorded as', () => {
  const types = (kind: 'participant' | 'audio' | 'screen') => recordingTypes(kind, Recorder as unknown as RecorderType);

  test('is H.264 only where the browser makes key frames for it', async () => {
    assert.deepEqual(types('participant')[0], 'video/mp4;codecs=avc1.640028,opus');
    Recorder.knowsKeyFrames = false;
    assert.deepEqual(types('screen'), ['video/mp4;codecs=vp9,opus', 'video/webm;codecs=vp9,opus']);
    Recorder.supported.delete('video/mp4;codecs=vp9,opus');
    assert.deepEqual(types('participant'), ['video/webm;codecs=vp9,opus']);
    assert.deepEqual(types('audio'), ['audio/mp4;codecs=opus']);
    const recording = await start();
    await seconds(5);
    await during(recording.stop());
    assert.equal(server.recordings[0]?.mimeType, 'video/webm;codecs=vp9,opus');
    Recorder.supported.clear();
    assert.equal(await codeOf(start()), 'unsupported');
    assert.equal(await codeOf(during(startRecording(alice.client))), 'unsupported', 'Node has no recorder');
    Recorder.knowsKeyFrames = true;
  });
});

describe('who records', () => {
  const tell = (event: string, data: object) => town.server.broadcast(town.server.room(sessionId), event, data);

  test('is known of those who did before, and of those who begin and stop', { timeout: 20_000 }, async () => {
    const bob = await person('bob');
    const marked = (who: Person, recording: boolean) => Object.assign(town.server.room(sessionId).seats.get(who.client.user?.userId ?? '') ?? {}, { recording });
    await during(bob.client.joinSession(sessionId));
    marked(alice, true);
    const seen: string[][] = [];
    const names = new Map<string | undefined, string>([[alice.client.user?.userId, 'alice'], [bob.client.user?.userId, 'bob']]);
    const stop = whoRecords(bob.client as TunRTCClient, (userIds) => seen.push([...userIds].map((id) => names.get(id) ?? id)));
    await seconds(1);
    const [aliceId, bobId] = [...names.keys()];
    marked(bob, true);
    tell('recordingStarted', { recordingId: 'of bob', userId: bobId, username: 'bob', kind: 'participant' });
    await seconds(1);
    tell('recordingStopped', { recordingId: 'one', userId: aliceId });
    await seconds(1);
    assert.deepEqual(seen, [['alice'], ['alice', 'bob']], 'she records still: that was another one');
    marked(alice, false);
    tell('recordingStopped', { recordingId: 'other', userId: aliceId });
    await seconds(1);
    tell('recordingStopped', { recordingId: 'of bob', userId: bobId });
    await seconds(1);
    assert.deepEqual(seen.slice(2), [['bob'], []]);
    stop();
    await settle();
  });
});
