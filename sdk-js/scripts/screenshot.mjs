// Takes the README's picture of the console: a call of four, with drawn people in front of drawn cameras.
import { clientPage, consolePage, launch, seesEverybody, startServer, startSession } from '../build/test/support/browser.js';

const TARGET = new URL('../../docs/console.png', import.meta.url).pathname;
const GUESTS = [
  { name: 'Amara Okafor', hue: 18 },
  { name: 'Jonas Weber', hue: 215 },
  { name: 'Mei Tanaka', hue: 145 },
];

/** In place of a camera: somebody in front of a plain wall. Runs in the page. */
function drawCamera(hue) {
  const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 400 });
  const context = canvas.getContext('2d');
  const draw = () => {
    const wall = context.createLinearGradient(0, 0, 640, 400);
    wall.addColorStop(0, `hsl(${hue} 32% 72%)`);
    wall.addColorStop(1, `hsl(${hue + 24} 36% 50%)`);
    context.fillStyle = wall;
    context.fillRect(0, 0, 640, 400);
    context.fillStyle = `hsl(${hue + 8} 34% 30%)`;
    context.beginPath();
    context.ellipse(320, 420, 190, 140, 0, 0, 7);
    context.fill();
    context.fillStyle = `hsl(${hue + 4} 38% 86%)`;
    context.beginPath();
    context.ellipse(320, 190, 78, 96, 0, 0, 7);
    context.fill();
  };
  draw();
  setInterval(draw, 200);
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    const [drawn] = canvas.captureStream(5).getVideoTracks();
    const sound = constraints.audio ? (await real({ audio: true })).getAudioTracks() : [];
    return new MediaStream([...sound, ...(constraints.video ? [drawn] : [])]);
  };
}

const server = await startServer();
const browser = await launch();
try {
  const demo = await consolePage(browser, server.url, 'Demo');
  await demo.setViewportSize({ width: 1280, height: 800 });
  await demo.evaluate(drawCamera, 265);
  await startSession(demo, 'Design review');
  const sessionId = await demo.evaluate(() => tunrtc.sessionId);
  const guests = [];
  for (const { name, hue } of GUESTS) {
    const page = await clientPage(browser, server.url, name, 'register');
    await page.evaluate(drawCamera, hue);
    await page.evaluate((id) => tunrtc.joinSession(id), sessionId);
    guests.push(page);
  }
  const [first, second, third] = guests;
  await first.evaluate(() => tunrtc.sendMessage('Good morning! The new layout is live, can everybody see it?'));
  await second.evaluate(() => tunrtc.sendMessage('Yes, looks good here.'));
  await third.evaluate(() => tunrtc.sendMessage('On the train, but it held through the tunnel.'));
  await third.evaluate(() => tunrtc.setMuted(true));
  await demo.getByLabel('Message', { exact: true }).fill('Great. I will share my screen in a minute.');
  await demo.getByRole('button', { name: 'Send' }).click();
  await seesEverybody(demo, GUESTS.length);
  await demo.mouse.move(0, 0);
  await demo.getByRole('log').getByText('I will share').waitFor();
  await demo.screenshot({ path: process.argv[2] ?? TARGET });
} finally {
  await browser.close();
  await server.stop();
}
