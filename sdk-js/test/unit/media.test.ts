import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LocalMedia } from '../../src/media/local.ts';
import type { Slot } from '../../src/media/peer.ts';
import { FakeClock } from '../support/clock.ts';
import { testEnvironment } from '../support/environment.ts';
import { FakeStream, FakeTrack } from '../support/peer-connection.ts';
import { FakeServer } from '../support/server.ts';

Object.assign(globalThis, { MediaStream: FakeStream });

/** Devices that say yes, and remember what they were asked. */
function devices(refusal?: string) {
  const asked: MediaStreamConstraints[] = [];
  const mediaDevices = {
    getUserMedia: async (constraints: MediaStreamConstraints) => {
      asked.push(constraints);
      if (refusal) throw new DOMException('refused', refusal);
      return new FakeStream([
        ...(constraints.audio ? [new FakeTrack('audio')] : []),
        ...(constraints.video ? [new FakeTrack('video')] : []),
      ]);
    },
    getDisplayMedia: async () => {
      if (refusal) throw new DOMException('refused', refusal);
      return new FakeStream([new FakeTrack('video')]);
    },
    enumerateDevices: async () => [{ kind: 'videoinput' }, { kind: 'audioinput' }, { kind: 'videoinput' }],
  };
  return { asked, mediaDevices: mediaDevices as unknown as MediaDevices };
}

function media(refusal?: string) {
  const { asked, mediaDevices } = devices(refusal);
  const clock = new FakeClock();
  const changes: [Slot, string | null][] = [];
  const local = new LocalMedia(testEnvironment(clock, new FakeServer(clock), { mediaDevices }), async (slot, track) => {
    changes.push([slot, track && track.kind]);
  });
  return { local, asked, changes };
}

describe('local media', () => {
  test('with neither audio nor video asks for nothing', async () => {
    const { local, asked } = media();
    await local.start(false, false);
    assert.deepEqual(asked, []);
    assert.deepEqual([local.isMuted, local.isVideoEnabled, local.stream], [true, false, undefined]);
  });

  test('asks for both at once, so that the user is asked once', async () => {
    const { local, asked } = media();
    await local.start(true, { width: 640 });
    assert.deepEqual(asked, [{ audio: {}, video: { width: 640 } }]);
    assert.deepEqual([local.isMuted, local.isVideoEnabled], [false, true]);
  });

  test('muting keeps the track and says so', async () => {
    const { local } = media();
    await local.start(true, true);
    const track = local.track('microphone');
    await local.setMuted(true);
    assert.equal(local.isMuted, true);
    assert.equal(local.track('microphone'), track);
    assert.equal(track?.readyState, 'live');
  });

  test('a camera that is turned off is released, and a new one is asked for when it is turned on', async () => {
    const { local, asked, changes } = media();
    await local.start(true, true);
    const camera = local.track('camera');
    const stream = local.stream;
    await local.setVideoEnabled(false);
    assert.equal(camera?.readyState, 'ended');
    await local.setVideoEnabled(true);
    assert.equal(asked.length, 2);
    assert.equal(local.stream, stream);
    assert.deepEqual(changes, [['camera', null], ['camera', 'video']]);
  });

  test('another microphone takes over as muted as the last one was', async () => {
    const { local, asked, changes } = media();
    await local.start(true, false);
    await local.setMuted(true);
    await local.use('microphone', 'usb');
    assert.deepEqual(asked[1], { audio: { deviceId: { exact: 'usb' } } });
    assert.equal(local.isMuted, true);
    assert.deepEqual(changes, [['microphone', 'audio']]);
  });

  test('a device chosen while it is off is used when it is turned on', async () => {
    const { local, asked } = media();
    await local.start(true, false);
    await local.use('camera', 'back');
    assert.equal(asked.length, 1);
    await local.setVideoEnabled(true);
    assert.deepEqual(asked[1], { video: { deviceId: { exact: 'back' } } });
  });

  test('a screen share ends by the browser’s own button too', async () => {
    const { local, changes } = media();
    const screen = await local.startScreen();
    const [track] = screen.getTracks() as unknown as FakeTrack[];
    track?.onended?.();
    assert.equal(local.screen, undefined);
    assert.deepEqual(changes, [['screen', 'video'], ['screen', null]]);
  });

  test('sharing twice is sharing once', async () => {
    const { local } = media();
    assert.equal(await local.startScreen(), await local.startScreen());
  });

  test('lists devices by what they are', async () => {
    const { cameras, microphones, speakers } = await media().local.devices();
    assert.deepEqual([cameras.length, microphones.length, speakers.length], [2, 1, 0]);
  });

  test('stopping releases everything', async () => {
    const { local } = media();
    await local.start(true, true);
    const screen = await local.startScreen();
    const tracks = [...(local.stream?.getTracks() ?? []), ...screen.getTracks()];
    local.stop();
    assert.deepEqual(tracks.map(({ readyState }) => readyState), ['ended', 'ended', 'ended']);
    assert.equal(local.stream, undefined);
  });
});

describe('a refusal has a code of its own:', () => {
  const codes: [string, string][] = [
    ['NotAllowedError', 'media_denied'],
    ['SecurityError', 'media_denied'],
    ['NotFoundError', 'media_not_found'],
    ['OverconstrainedError', 'media_not_found'],
    ['NotReadableError', 'media_in_use'],
    ['TypeError', 'media_unavailable'],
  ];
  for (const [name, code] of codes) {
    test(`${name} is ${code}`, async () => {
      await assert.rejects(media(name).local.start(true, true), { code });
    });
  }

  test('a page without media is media_unavailable', async () => {
    const clock = new FakeClock();
    const local = new LocalMedia(testEnvironment(clock, new FakeServer(clock)), async () => {});
    await assert.rejects(local.start(true, false), { code: 'media_unavailable' });
    await assert.rejects(local.startScreen(), { code: 'media_unavailable' });
    await assert.rejects(local.devices(), { code: 'media_unavailable' });
  });
});
