import type { Environment, Timer } from '../environment.ts';
import type { TunRTCError } from '../errors.ts';
import type { Joined, ServerFrame } from '../wire.ts';

/** The server gives up whoever has not shown themselves for 60 s. */
const PING_MS = 20_000;
/** Before a connection that broke is made anew: at least, and by chance as much again. */
const PAUSE_MS = 1_500;

/**
 * Waits in front of a session until it is worth asking for a seat again: those who steer it have let this participant in, or the
 * server does not know that they wait any more. Rejects where asking again cannot help: `denied`, `banned`, `session_ended`, or
 * `closed` once `signal` is aborted.
 *
 * A part of its own, for those who wait. It is given the class of errors: what it imported would be torn out of the client's main part.
 */
export async function waitOutside(Failure: typeof TunRTCError, environment: Environment, { signaling }: Joined, signal: AbortSignal): Promise<void> {
  const address = new URL(signaling.url);
  address.searchParams.set('ticket', signaling.ticket);
  const socket = environment.openSocket(address.href);
  let timer: Timer;
  let stop = (): void => {};
  try {
    await new Promise<void>((resolve, reject) => {
      const refuse = (code: string, message: string) => reject(new Failure(code, message));
      const left = () => refuse('closed', 'The session was left.');
      const again = () => {
        environment.clearTimeout(timer);
        timer = environment.setTimeout(resolve, PAUSE_MS * (1 + environment.random()));
      };
      let unanswered = 0;
      const ping = () => {
        // What stays unanswered until the next one is due shows a dead connection.
        if (unanswered > 0) return again();
        unanswered++;
        socket.send(JSON.stringify({ action: 'ping', id: 'wait', data: {} }));
        timer = environment.setTimeout(ping, PING_MS);
      };
      signal.addEventListener('abort', left);
      stop = () => signal.removeEventListener('abort', left);
      socket.onopen = ping;
      socket.onclose = socket.onerror = again;
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(String(data)) as ServerFrame;
        unanswered = 0;
        // Let in, or forgotten: joining says which.
        if (frame.event === 'admitted' || (frame.event === 'error' && frame.data.code === 'not_joined')) resolve();
        else if (frame.event === 'denied') refuse('denied', 'You were not let in.');
        else if (frame.event === 'removed') refuse(frame.data.bannedUntil ? 'banned' : 'denied', 'You were not let in.');
        else if (frame.event === 'sessionEnded') refuse('session_ended', 'The session ended.');
      };
      if (signal.aborted) left();
    });
  } finally {
    stop();
    environment.clearTimeout(timer);
    // What comes now is no longer heard; a package for Node would end the process by an error that nobody hears.
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.onerror = () => {};
    socket.close();
  }
}
