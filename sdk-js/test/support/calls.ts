/** Answers of the routes about calls, made up: as a server would give them. */
import type { Page } from 'playwright-core';

const START = Date.UTC(2026, 10, 22, 9, 30);
const at = (minute: number, second = 0) => new Date(START + minute * 60_000 + second * 1000).toISOString();
const id = (place: number) => `019aab3f-5c00-7000-8000-${String(place).padStart(12, '0')}`;
export const [ADA, BEN, CLEO] = [id(901), id(902), id(903)] as const;
/** How many calls there are. */
export const CALLS = 120;
const MINUTES = 24;

const row = (place: number) => {
  const worstScore = [4.6, 3.4, 2.1, 4.9][place % 4] ?? 5;
  return {
    sessionId: id(place),
    name: place === 0 ? 'Weekly meeting with everybody from the three offices, and whoever else wants to be there' : `Call ${place}`,
    startedAt: at(-place * 60),
    lastReportAt: at(-place * 60 + MINUTES),
    participants: 2 + (place % 3),
    participantMinutes: 48 + place,
    score: worstScore + 0.05,
    worstScore,
    audioMos: 4.2,
    joinMs: 830 + place,
    relayed: place % 2,
    reconnects: place % 5,
    freezes: place % 7,
  };
};

const run = (more: object) => ({
  run: 'a',
  startedAt: at(0),
  lastMinute: at(MINUTES),
  final: true,
  minutes: MINUTES,
  score: 4.31,
  worstScore: 2.07,
  audioMos: 4.18,
  joinMs: 912,
  mediaMs: 1_304,
  outcome: 'connected',
  relayed: false,
  reconnects: 1,
  iceRestarts: 0,
  freezes: 14,
  freezeMs: 5_210,
  client: { browser: 'Chrome 156', os: 'Linux', device: 'desktop', sdk: 'js 0.1.0' },
  ...more,
});

const PEOPLE = [
  { userId: ADA, username: 'Ada', runs: [run({}), run({ run: 'b', outcome: 'failed', failure: 'session_full', score: undefined, worstScore: undefined })], missing: [], connections: [] },
  { userId: BEN, username: 'Ben with a name that takes more than one line on a telephone', runs: [run({ relayed: true, client: { browser: 'Safari 18', os: 'iOS', device: 'phone' }, freezes: undefined })], missing: [at(8), at(9)], connections: [] },
  { userId: CLEO, identity: 'customer-17', username: 'Cleo', runs: [], missing: [at(3)], connections: [] },
];

const TIMELINE = [
  { at: at(0, 1), userId: ADA, kind: 'joined' },
  { at: at(0, 9), userId: BEN, kind: 'joined' },
  { at: at(2, 5), userId: ADA, kind: 'recordingStarted', detail: 'participant' },
  { at: at(3, 2), userId: BEN, kind: 'cameraOff' },
  { at: at(4, 0), userId: BEN, kind: 'recordingStarted', detail: 'screen' },
  { at: at(8, 2), userId: ADA, kind: 'recordingStopped', detail: 'participant' },
  { at: at(8, 30), userId: BEN, kind: 'reconnecting' },
  { at: at(8, 34), userId: BEN, kind: 'reconnected' },
  { at: at(8, 36), userId: ADA, kind: 'iceRestart', detail: BEN },
  { at: at(9, 1), userId: ADA, kind: 'limited', detail: 'bandwidth' },
  { at: at(24, 12), userId: ADA, kind: 'left', detail: 'closed' },
];

const UNITS: Record<string, string> = { rttMs: 'ms', jitterMs: 'ms', audioLossPercent: '%', fps: 'fps' };

function points(metric: string): object[] {
  const minutes = Array.from({ length: MINUTES }, (_, minute) => minute).filter((minute) => minute !== 11);
  const isBad = (minute: number) => minute === 8 || minute === 9;
  if (metric === 'score') return minutes.map((minute) => ({ minute: at(minute), value: isBad(minute) ? 2.07 : 4.4 }));
  return [BEN, CLEO].flatMap((peerUserId, place) => minutes.map((minute) => ({ minute: at(minute), peerUserId, value: isBad(minute) ? 10 : place })));
}

/** Has a page get these answers, whatever its server says. */
export async function makeUpCalls(page: Page): Promise<void> {
  await page.route('**/api/analytics/**', (route) => {
    const url = new URL(route.request().url());
    const path = url.pathname.replace(/^.*analytics\//, '');
    const most = Number(url.searchParams.get('maxScore') ?? 5);
    const all = Array.from({ length: CALLS }, (_, place) => row(place)).filter(({ worstScore }) => worstScore <= most);
    if (path === 'overview') {
      const worst = all.filter(({ worstScore }) => worstScore < 3).slice(0, 10);
      return route.fulfill({ json: { calls: all.length, participants: 310, participantMinutes: 7_321, joinSuccess: 0.983, medianJoinMs: 912, relayedShare: 0.125, meanScore: 4.21, worst } });
    }
    if (path === 'sessions') {
      const from = Number(url.searchParams.get('cursor') ?? 0);
      const limit = Number(url.searchParams.get('limit') ?? 50);
      const next = from + limit < all.length ? { link: `</api/analytics/sessions?cursor=${from + limit}>; rel="next"` } : {};
      return route.fulfill({ json: all.slice(from, from + limit), headers: { ...next, 'access-control-expose-headers': 'link' } });
    }
    const [, sessionId, what] = path.split('/');
    if (sessionId !== id(0)) return route.fulfill({ status: 404, json: { code: 'session_not_found', detail: 'there is no such session' } });
    const metric = url.searchParams.get('metric') ?? '';
    if (what === 'series') return route.fulfill({ json: { metric, unit: UNITS[metric] ?? '', points: metric === 'fps' ? [] : points(metric) } });
    return route.fulfill({ json: { ...row(0), participants: PEOPLE, timeline: TIMELINE, truncated: false } });
  });
}

export const FIRST: string = id(0);
