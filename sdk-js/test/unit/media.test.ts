import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TunRTCEvents } from '../../src/events.ts';
import { LocalMedia } from '../../src/media/local.ts';
import { FakeClock, settle } from '../support/clock.ts';
import { FakeDevices } from '../support/devices.ts';
import { testEnvironment } from '../support/environment.ts';
import { FakeStream, type FakeTrack } from '../support/peer-connection.ts';
import { FakeServer } from '../support/server.ts';

Object.assign(globalThis, { MediaStream: FakeStream });

/** What is told, in short. Errors come beside what they belong to. */
const TEXTS: { [Name in keyof TunRTCEvents]?: (data: TunRTCEvents[Name]) => string } = {
  localStream: ({ kind }) => `show ${kind}`,
  localStreamRemoved: ({ kind }) => `hide ${kind}`,
  localStatusChanged: ({ isMuted, isVideoEnabled, isScreenShared }) =>
    ['status', !isMuted && 'audio', isVideoEnabled && 'video', isScreenShared && 'screen'].filter(Boolean).join(' '),
  deviceLost: ({ kind, reason, deviceId }) => `lost ${kind} ${deviceId}: ${reason}`,
  mediaFallback: ({ missing, error }) => `missing ${missing}: ${error.code}`,
  devicesChanged: ({ cameras, microphones }) => `${cameras.length} cameras, ${microphones.length} microphones`,
};

/** What a page would do, with all that it is told. */
function media(devices = new FakeDevices(), mediaDevices: MediaDevices | undefined = devices.mediaDevices) {
  const clock = new FakeClock();
  const told: string[] = [];
  const local: LocalMedia = new LocalMedia(testEnvironment(clock, new FakeServer(clock), { mediaDevices }), {
    onTrack: (slot) => told.push(`${slot} ${local.track(slot) ? 'on' : 'off'}`),
    onStatus: () => {},
    tell: (name, data) => {
      const text = (TEXTS[name] as ((data: unknown) => string) | undefined)?.(data);
      if (text !== undefined) told.push(text);
    },
  });
  return { local, devices, told, tell: () => told.splice(0) };
}

const kinds = (tracks: FakeTrack[]) => tracks.map(({ kind, label }) => `${kind} ${label}`);
const status = ({ status: { isMuted, isVideoEnabled, isScreenShared } }: LocalMedia) => [!isMuted, isVideoEnabled, isScreenShared];

describe('local media', () => {
  test('with neither audio nor video asks for nothing', async () => {
    const { local, devices } = media();
    await local.start(false, false);
    assert.deepEqual(devices.asked, []);
    assert.deepEqual([status(local), local.stream], [[false, false, false], undefined]);
  });

  test('asks for both at once, so that the user is asked once', async () => {
    const { local, devices } = media();
    await local.start(true, { width: 640 });
    assert.deepEqual(devices.asked, [{ audio: {}, video: { width: 640 } }]);
    assert.deepEqual(status(local), [true, true, false]);
  });

  test('muting keeps the track and says so', async () => {
    const { local } = media();
    await local.start(true, true);
    const track = local.track('microphone');
    await local.setMuted(true);
    assert.equal(local.status.isMuted, true);
    assert.equal(local.track('microphone'), track);
    assert.equal(track?.readyState, 'live');
  });

  test('a camera that is turned off is released, and a new one is asked for when it is turned on', async () => {
    const { local, devices, tell } = media();
    await local.start(true, true);
    const camera = local.track('camera');
    const { stream } = local;
    tell();
    await local.setVideoEnabled(false);
    assert.equal(camera?.readyState, 'ended');
    await local.setVideoEnabled(true);
    assert.equal(devices.asked.length, 2);
    assert.equal(local.stream, stream);
    assert.deepEqual(tell(), ['camera off', 'status audio', 'camera on', 'status audio video']);
  });

  test('a screen share ends by the browser’s own button too, and the page is told', async () => {
    const { local, devices, tell } = media();
    await local.startScreen();
    devices.live[0]?.end();
    assert.equal(local.screen, undefined);
    assert.deepEqual(tell(), ['show screen', 'screen on', 'status screen', 'screen off', 'hide screen', 'status']);
  });

  test('sharing twice is sharing once, also while the user is choosing', async () => {
    const { local, devices } = media();
    const [one, other] = await Promise.all([local.startScreen(), local.startScreen()]);
    assert.equal(one, other);
    assert.equal(await local.startScreen(), one);
    assert.equal(devices.tracks.length, 1);
  });

  test('lists devices by what they are', async () => {
    const { cameras, microphones, speakers } = await media().local.devices();
    assert.deepEqual([cameras.length, microphones.length, speakers.length], [1, 1, 0]);
  });

  test('stopping releases everything and takes the streams back', async () => {
    const { local, devices, tell } = media();
    await local.start(true, true);
    await local.startScreen();
    tell();
    local.stop();
    assert.deepEqual(devices.live, []);
    assert.equal(local.stream, undefined);
    assert.deepEqual(tell(), ['hide screen', 'hide camera', 'status']);
  });
});

describe('of calls that overlap the last wins:', () => {
  test('what is captured after a stop is released', async () => {
    for (const ask of ['start', 'setVideoEnabled', 'setMuted', 'startScreen'] as const) {
      const { local, devices } = media();
      devices.answers = false;
      const asking = ask === 'start' ? local.start(true, true) : ask === 'startScreen' ? local.startScreen() : local[ask](ask !== 'setMuted');
      const settled = asking.then(() => 'resolved', ({ code }) => code);
      await settle();
      local.stop();
      assert.equal(await settled, ask === 'startScreen' ? 'closed' : 'resolved');
      devices.open[0]?.allow();
      await settle();
      assert.deepEqual([devices.tracks.length > 0, devices.live], [true, []], ask);
    }
  });

  test('on and at once off is off', async () => {
    const { local, devices } = media();
    devices.answers = false;
    const done = Promise.all([local.setVideoEnabled(true), local.setVideoEnabled(false), local.setMuted(false), local.setMuted(true)]);
    await done;
    for (const question of [...devices.open]) question.allow();
    await settle();
    assert.deepEqual([status(local), devices.live], [[false, false, false], []]);
  });

  test('on, off and on again is on, and the user is asked once', async () => {
    const { local, devices } = media();
    devices.answers = false;
    const done = Promise.all([local.setVideoEnabled(true), local.setVideoEnabled(false), local.setVideoEnabled(true)]);
    assert.equal(devices.open.length, 1);
    devices.open[0]?.allow();
    await done;
    assert.deepEqual([status(local), devices.live.length], [[false, true, false], 1]);
  });

  test('turning the camera off while both are asked for keeps the microphone', async () => {
    const { local, devices } = media();
    devices.answers = false;
    const started = local.start(true, true);
    await local.setVideoEnabled(false);
    devices.open[0]?.allow();
    await started;
    assert.deepEqual([status(local), kinds(devices.live)], [[true, false, false], ['audio mic']]);
  });

  test('a screen that is stopped before it was chosen is not shared', async () => {
    const { local, devices } = media();
    devices.answers = false;
    const sharing = local.startScreen();
    local.stopScreen();
    await assert.rejects(sharing, { code: 'closed' });
    devices.open[0]?.allow();
    await settle();
    assert.deepEqual([local.screen, devices.live], [undefined, []]);
  });

  test('starting anew while the first answer is out takes that over', async () => {
    const { local, devices } = media();
    devices.answers = false;
    const first = local.start(true, true);
    local.stop();
    const second = local.start(true, true);
    assert.equal(devices.open.length, 1);
    devices.open[0]?.allow();
    await Promise.all([first, second]);
    assert.deepEqual(kinds(devices.live), ['audio mic', 'video cam']);
  });
});

describe('a device that is chosen', () => {
  test('takes over as muted as the last one was', async () => {
    const { local, devices } = media();
    devices.plugIn('audio', 'usb');
    await local.start(true, false);
    await local.setMuted(true);
    await local.use('microphone', 'usb');
    assert.deepEqual(devices.asked[1], { audio: { deviceId: { exact: 'usb' } } });
    assert.equal(local.status.isMuted, true);
    assert.deepEqual(kinds(devices.live), ['audio usb']);
  });

  test('while it is off is used when it is turned on', async () => {
    const { local, devices } = media();
    devices.plugIn('video', 'back');
    await local.start(true, false);
    await local.use('camera', 'back');
    assert.equal(devices.asked.length, 1);
    await local.setVideoEnabled(true);
    assert.deepEqual(kinds(devices.live), ['audio mic', 'video back']);
  });

  test('and cannot be had changes nothing', async () => {
    const { local, devices, tell } = media();
    devices.plugIn('video', 'broken');
    devices.broken.add('broken');
    await local.start(true, true);
    await settle();
    tell();
    const camera = local.track('camera');
    for (const kind of ['camera', 'microphone'] as const) await assert.rejects(local.use(kind, 'nowhere'), { code: 'media_not_found' });
    assert.deepEqual([camera, tell()], [local.track('camera'), []]);
    await assert.rejects(local.use('camera', 'broken'), { code: 'media_in_use' });
    assert.deepEqual([status(local), kinds(devices.live).sort()], [[true, true, false], ['audio mic', 'video cam']]);
    assert.ok(!tell().some((line) => line.startsWith('status')), 'nobody was told that anything was off');
    await local.setVideoEnabled(false);
    await local.setVideoEnabled(true);
    assert.equal(status(local)[1], true);
  });

  test('and is gone later is given up', async () => {
    const { local, devices } = media();
    devices.plugIn('video', 'usb');
    await local.start(false, true);
    await local.use('camera', 'usb');
    await local.setVideoEnabled(false);
    devices.unplug('usb');
    await local.setVideoEnabled(true);
    assert.deepEqual(kinds(devices.live), ['video cam']);
  });

  test('and is not there is refused while it is off too, and the one before stays chosen', async () => {
    const { local, devices } = media();
    devices.plugIn('video', 'usb');
    await local.start(false, true);
    await local.use('camera', 'usb');
    await local.setVideoEnabled(false);
    await assert.rejects(local.use('camera', 'nowhere'), { code: 'media_not_found' });
    await local.setVideoEnabled(true);
    assert.deepEqual(kinds(devices.live), ['video usb']);
  });

  test('and cannot be opened when it is turned on gives way to the one before', async () => {
    const { local, devices } = media();
    for (const id of ['usb', 'other']) devices.plugIn('video', id);
    await local.start(false, true);
    await local.use('camera', 'usb');
    await local.setVideoEnabled(false);
    await local.use('camera', 'other');
    devices.unplug('other');
    await local.setVideoEnabled(true);
    assert.deepEqual(kinds(devices.live), ['video usb']);
  });

  test('is opened where only one camera can be open at a time', async () => {
    const { local, devices } = media();
    devices.isPhone = true;
    devices.plugIn('video', 'back');
    await local.start(true, true);
    await local.use('camera', 'back');
    assert.deepEqual(kinds(devices.live), ['audio mic', 'video back']);
    devices.plugIn('video', 'broken');
    devices.broken.add('broken');
    await assert.rejects(local.use('camera', 'broken'), { code: 'media_in_use' });
    assert.deepEqual(kinds(devices.live), ['audio mic', 'video back']);
  });

  test('after another choice is the one that stays', async () => {
    const { local, devices } = media();
    for (const id of ['one', 'two']) devices.plugIn('video', id);
    await local.start(false, true);
    devices.answers = false;
    const choices = Promise.all([local.use('camera', 'one'), local.use('camera', 'two')]);
    await settle();
    for (const question of [...devices.open].reverse()) question.allow();
    await choices;
    assert.deepEqual(kinds(devices.live), ['video two']);
  });
});

describe('a device that stops in use', () => {
  test('is dropped, told with its reason, and captured again when it is asked for', async () => {
    const { local, devices, tell } = media();
    await local.start(true, true);
    tell();
    devices.revoke();
    await settle();
    assert.deepEqual(tell(), [
      'microphone off', 'status video', 'camera off', 'status', 'lost microphone mic: revoked', 'lost camera cam: revoked',
    ]);
    devices.grant();
    await local.setVideoEnabled(true);
    await local.setMuted(false);
    assert.deepEqual(status(local), [true, true, false]);
    assert.deepEqual(local.stream?.getTracks().map(({ readyState }) => readyState), ['live', 'live']);
  });

  test('is taken again when it comes back, as it was', async () => {
    const { local, devices, tell } = media();
    await local.start(true, true);
    await local.setMuted(true);
    devices.plugIn('audio', 'other');
    await settle();
    tell();
    for (const id of ['mic', 'cam']) devices.unplug(id);
    await settle();
    assert.deepEqual(tell().filter((line) => line.startsWith('lost')), ['lost microphone mic: unplugged', 'lost camera cam: unplugged']);
    assert.deepEqual(devices.live, []);
    devices.plugIn('video', 'cam');
    devices.plugIn('audio', 'mic');
    await settle();
    assert.deepEqual([status(local), kinds(devices.live).sort()], [[false, true, false], ['audio mic', 'video cam']]);
  });

  test('is not taken again after it was turned off, or everything was', async () => {
    const { local, devices } = media();
    await local.start(true, true);
    for (const id of ['mic', 'cam']) devices.unplug(id);
    await local.setVideoEnabled(false);
    devices.plugIn('video', 'cam');
    await settle();
    assert.deepEqual(devices.live, []);
    local.stop();
    devices.plugIn('audio', 'mic');
    await settle();
    assert.deepEqual(devices.live, []);
  });

  test('is not taken again when another was chosen meanwhile', async () => {
    const { local, devices } = media();
    devices.plugIn('video', 'other');
    await local.start(false, true);
    devices.unplug('cam');
    await local.use('camera', 'other');
    devices.plugIn('video', 'cam');
    await settle();
    assert.deepEqual(devices.live, []);
    await local.setVideoEnabled(true);
    assert.deepEqual(kinds(devices.live), ['video other']);
  });

  test('tells which devices there are, as does one that is plugged in', async () => {
    const { devices, tell } = media();
    devices.plugIn('video', 'usb');
    await settle();
    devices.unplug('usb');
    await settle();
    assert.deepEqual(tell(), ['2 cameras, 1 microphones', '1 cameras, 1 microphones']);
  });
});

describe('when both are asked for and', () => {
  test('one is not there, the other is captured, and that is told', async () => {
    for (const [missing, id, left] of [['camera', 'cam', 'audio mic'], ['microphone', 'mic', 'video cam']] as const) {
      const { local, devices, tell } = media();
      devices.unplug(id);
      await settle();
      tell();
      await local.start(true, true);
      assert.deepEqual(kinds(devices.live), [left]);
      assert.deepEqual(tell().at(-1), `missing ${missing}: media_not_found`);
    }
  });

  test('neither is there, that is the error', async () => {
    const { local, devices, tell } = media();
    for (const id of ['cam', 'mic']) devices.unplug(id);
    await assert.rejects(local.start(true, true), { code: 'media_not_found' });
    assert.ok(!tell().some((line) => line.startsWith('missing')));
  });

  test('the user refuses, nothing else is tried', async () => {
    const { local, devices } = media();
    devices.refusal = 'NotAllowedError';
    await assert.rejects(local.start(true, true), { code: 'media_denied' });
    assert.equal(devices.asked.length, 1);
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
      const { local, devices } = media();
      devices.refusal = name;
      await assert.rejects(local.start(true, true), { code });
    });
  }

  test('a page without media is media_unavailable', async () => {
    const clock = new FakeClock();
    const nobody = () => {};
    const handlers = { onTrack: nobody, onStatus: nobody, tell: nobody };
    const local = new LocalMedia(testEnvironment(clock, new FakeServer(clock)), handlers);
    await assert.rejects(local.start(true, false), { code: 'media_unavailable' });
    await assert.rejects(local.startScreen(), { code: 'media_unavailable' });
    await assert.rejects(local.devices(), { code: 'media_unavailable' });
  });
});
