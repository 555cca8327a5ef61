import type { TunRTCClient } from 'tunrtc-client';

/** Of those who recorded before this client looked, which recordings these are is not known. */
const SOME = '';

/**
 * Calls back with the user ids of those in the session who record, now and each time that changes: whoever is seen or heard must be able to
 * know. The answer stops it.
 */
export function whoRecords(client: TunRTCClient, listener: (userIds: ReadonlySet<string>) => void): () => void {
  /** Recordings by user. */
  const recordings = new Map<string, Set<string>>();
  /** How often an event told of a user. */
  const news = new Map<string, number>();
  let told = '';
  const tell = () => {
    const userIds = [...recordings.keys()].sort();
    if (told === (told = userIds.join())) return;
    listener(new Set(userIds));
  };
  const hear = (userId: string) => news.set(userId, (news.get(userId) ?? 0) + 1);
  const mark = (userId: string, recordingId: string) => recordings.set(userId, (recordings.get(userId) ?? new Set()).add(recordingId));
  /** What was told while the connection was away may never have come: the server's list has it. */
  const ask = async () => {
    const { sessionId } = client;
    const before = new Map(news);
    const session = sessionId && (await client.getSession(sessionId).catch(() => undefined));
    if (!session || sessionId !== client.sessionId) return;
    // Of whom an event told meanwhile, the list may be older.
    const participants = session.participants.filter(({ userId }) => news.get(userId) === before.get(userId));
    for (const { userId, recording } of participants) {
      if (!recording) recordings.delete(userId);
      else if (!recordings.has(userId)) mark(userId, SOME);
    }
    tell();
  };
  const stops = [
    client.on('recordingStarted', ({ userId, recordingId }) => {
      hear(userId);
      mark(userId, recordingId);
      tell();
    }),
    client.on('recordingStopped', ({ userId, recordingId }) => {
      hear(userId);
      const own = recordings.get(userId);
      own?.delete(recordingId);
      // It may be the one that was known of, or another one of the same user's.
      if (own?.has(SOME)) return void ask();
      if (own?.size === 0) recordings.delete(userId);
      tell();
    }),
    client.on('userLeft', ({ userId }) => {
      recordings.delete(userId);
      tell();
    }),
    client.on('connectionStateChanged', () => {
      const { status } = client.connectionState;
      if (status === 'connected') void ask();
      if (status !== 'closed') return;
      recordings.clear();
      tell();
    }),
  ];
  if (client.connectionState.status === 'connected') void ask();
  return () => stops.forEach((stop) => stop());
}
