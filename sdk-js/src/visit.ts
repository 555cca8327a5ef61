import type { Call } from './call.ts';
import { asTunRTCError, TunRTCError } from './errors.ts';
import type { Api } from './rest/api.ts';
import { reconnectDelay } from './signaling/backoff.ts';
import { mayHoldSeat, transition, type VisitEvent, type VisitState } from './visit-state.ts';
import type { Joined, SessionDetail } from './wire.ts';

/** What a {@link Visit} needs. */
export interface VisitOptions {
  api: Api;
  /** The room of the app's token when absent, until the join says which session that is. */
  sessionId: string | undefined;
  /** What comes before the seat. */
  prepare(): Promise<unknown>;
  /** The server has this participant wait: resolves when it is worth asking for a seat again. */
  wait(joined: Joined, signal: AbortSignal): Promise<void>;
  /** There is a seat: makes the call. */
  open(joined: Joined): Call;
}

/**
 * One visit to a session, from the wish to join to the seat given back. It can be left at any time: then `joined` rejects
 * with `closed` at once, and what the server was asked for meanwhile is given back when its answer comes.
 */
export class Visit {
  /** Resolves when this client is in the session. */
  readonly joined: Promise<SessionDetail>;
  /** Resolves when nothing is left of the visit, at the server either; rejects when the server could not be told. */
  readonly over: Promise<void>;
  readonly #options: VisitOptions;
  /** Ends the tries to get a seat. */
  readonly #abort = new AbortController();
  #state: VisitState = 'preparing';
  #call: Call | undefined;
  #unreturned: TunRTCError | undefined;
  readonly #settle: { abandon(cause: TunRTCError): void; end(): void };

  constructor(options: VisitOptions) {
    this.#options = options;
    let abandon: (cause: TunRTCError) => void = () => {};
    let end: () => void = () => {};
    const abandoned = new Promise<never>((_, reject) => (abandon = reject));
    this.over = new Promise((resolve, reject) => {
      end = () => (this.#unreturned ? reject(this.#unreturned) : resolve());
    });
    this.#settle = { abandon, end };
    this.joined = Promise.race([this.#run(), abandoned]);
    // Whoever is told of these is told by the client; nobody has to listen.
    this.over.catch(() => {});
    this.joined.catch(() => {});
  }

  /** The call, while there is one to speak in. */
  get call(): Call | undefined {
    return this.#state === 'connecting' || this.#state === 'inside' ? this.#call : undefined;
  }

  /** Leaves: here at once, at the server as soon as it can be told. Answers {@link over}. */
  leave(): Promise<void> {
    this.#on('leave');
    this.#abandon();
    return this.over;
  }

  /** The page goes away: tells the server in passing. */
  vanish(): void {
    const isSeated = mayHoldSeat(this.#state);
    this.#call?.close(left());
    if (isSeated) this.#options.api.leaveSession(this.#options.sessionId, { keepalive: true }).catch(() => {});
    this.#on('vanish');
    this.#abandon();
  }

  /** Signaling ended by itself. */
  ended(cause: TunRTCError): void {
    if (this.#state === 'inside' || isFinal(cause)) this.#on('ended');
  }

  async #run(): Promise<SessionDetail> {
    const joined = await this.#seat();
    try {
      this.#call = this.#options.open(joined);
      const session = await this.#call.start();
      this.#goOn('connected', 'inside');
      return session;
    } catch (thrown) {
      this.#on(isFinal(asTunRTCError(thrown, 'internal')) ? 'ended' : 'failed');
      throw thrown;
    }
  }

  async #seat(): Promise<Joined> {
    await this.#options.prepare().catch((thrown: unknown) => {
      this.#on('failed');
      throw thrown;
    });
    this.#goOn('prepared', 'seating');
    const joined = await this.#ask().catch((thrown: unknown) => {
      this.#on(UNANSWERED.has(asTunRTCError(thrown, 'internal').code) ? 'failed' : 'refused');
      throw thrown;
    });
    this.#options.sessionId = joined.sessionId;
    this.#goOn('seated', 'connecting');
    return joined;
  }

  async #ask(): Promise<Joined> {
    const { signal } = this.#abort;
    const joined = await this.#options.api.joinSession(this.#options.sessionId, signal);
    if (joined.admission !== 'waiting') return joined;
    await this.#options.wait(joined, signal);
    return this.#ask();
  }

  #abandon(): void {
    this.#abort.abort();
    this.#settle.abandon(left());
  }

  /** A step on the way in; throws when the visit goes elsewhere by now. */
  #goOn(event: VisitEvent, expected: VisitState): void {
    this.#on(event);
    if (this.#state !== expected) throw left();
  }

  #on(event: VisitEvent): void {
    const before = this.#state;
    this.#state = transition(before, event);
    if (this.#state === before) return;
    if (this.#state === 'leaving') void this.#giveBack();
    if (this.#state === 'over') this.#settle.end();
  }

  async #giveBack(): Promise<void> {
    try {
      await (this.#call ? this.#call.leave() : this.#options.api.leaveSession(this.#options.sessionId));
    } catch (thrown) {
      const error = asTunRTCError(thrown, 'internal');
      // The seat may be free by now: the answer over signaling was lost, or the session is over.
      if (!SEATLESS.has(error.code)) this.#unreturned = error;
    }
    this.#on('returned');
  }
}

/** What the server says of a seat that there is no need to give back. */
const SEATLESS: ReadonlySet<string> = new Set(['not_in_session', 'session_ended', 'session_not_found']);
/** A request that ended so may have been carried out all the same. */
const UNANSWERED: ReadonlySet<string> = new Set(['network_error', 'timeout', 'unavailable', 'internal', 'invalid_response']);

/** Whether signaling ended for a reason after which there is no seat of ours. */
function isFinal(cause: TunRTCError): boolean {
  return reconnectDelay(0, cause, 0) === undefined;
}

/** Why everything ends that somebody gave up by leaving. */
export function left(): TunRTCError {
  return new TunRTCError('closed', 'The session was left.');
}
