import type { TunRTCEvents } from './events.ts';
import type { Devices, LocalStatus } from './media/local.ts';
import type { PeerState, StreamKind } from './media/peer.ts';
import type { MediaStream } from './platform.ts';
import type { ConnectionState } from './signaling/link-state.ts';
import type { ChatMessage, Participant } from './wire.ts';

/** Chat messages that a snapshot holds; older ones are in the history. */
const MESSAGES = 500;

/** A stream that is to be shown. */
export interface StreamView {
  userId: string;
  username: string;
  stream: MediaStream;
  kind: StreamKind;
  /** Whether it is one's own: without sound then. */
  isLocal: boolean;
}

/** What a snapshot is made of. */
export interface SnapshotParts {
  /** The signaling connection. */
  readonly connection: ConnectionState;
  /** Who is signed in, if anybody. */
  readonly user: { readonly userId: string; readonly username: string; readonly email: string } | undefined;
  /** The session that the client is in. */
  readonly sessionId: string | undefined;
  /** The others in the session. */
  readonly participants: readonly Participant[];
  /** Every stream that is to be shown, the own ones first. */
  readonly streams: readonly StreamView[];
  /** The media connection to each of the others, by user id. */
  readonly peers: Readonly<Record<string, PeerState>>;
  /** What was said since the session was joined, the oldest first, at most 500 messages. They stay until another session is joined. */
  readonly messages: readonly ChatMessage[];
  readonly local: LocalStatus;
  /** The devices that there are, once they have changed; {@link TunRTCClient.listDevices} asks for them. */
  readonly devices: Devices | undefined;
}

export interface Snapshot extends SnapshotParts {}

/**
 * All that a page shows of a client, at one moment. A part that did not change is the same object in the next snapshot.
 * Frozen, and no plain object: frameworks that make objects deeply reactive leave it, and the streams in it, as they are.
 */
export class Snapshot {
  constructor(parts: SnapshotParts) {
    Object.freeze(Object.assign(this, parts));
  }
}

/** Of a client that has done nothing yet; also what a server renders. */
export const IDLE: Snapshot = new Snapshot({
  connection: { status: 'idle' },
  user: undefined,
  sessionId: undefined,
  participants: [],
  streams: [],
  peers: {},
  messages: [],
  local: { isMuted: true, isVideoEnabled: false, isScreenShared: false },
  devices: undefined,
});

/** The parts that the client knows itself. */
export type Known = Pick<SnapshotParts, 'user' | 'sessionId'> & { readonly participants: ReadonlyMap<string, Participant> };

/** Makes snapshots of what a client tells, and tells who subscribed that there is a new one: once for all that happened in one turn. */
export class Snapshots {
  readonly #client: Known;
  readonly #listeners = new Set<() => void>();
  #current = IDLE;
  /** Whose messages these are: a user's, in a session. */
  #place = '';
  #isTelling = false;

  constructor(client: Known) {
    this.#client = client;
  }

  get current(): Snapshot {
    this.update();
    return this.#current;
  }

  subscribe(listener: () => void): () => void {
    // Its own function, so that one that subscribes twice also stops twice.
    const heard = () => listener();
    this.#listeners.add(heard);
    return () => void this.#listeners.delete(heard);
  }

  /** Takes in what was told. */
  note<Name extends keyof TunRTCEvents>(name: Name, data: TunRTCEvents[Name]): void {
    this.update(this.#changes(name, data as never));
  }

  /** Looks at the client again. */
  update(changes: Partial<SnapshotParts> = {}): void {
    const before = this.#current;
    const { sessionId } = this.#client;
    const user = same(before.user, this.#client.user) ? before.user : this.#client.user;
    const place = `${user?.userId} ${sessionId}`;
    const isNew = sessionId !== undefined && place !== this.#place;
    if (isNew) this.#place = place;
    const next = { ...before, ...(isNew && { messages: [] }), ...changes, user, sessionId, participants: this.#participants() };
    if ((Object.keys(next) as (keyof SnapshotParts)[]).every((part) => next[part] === before[part])) return;
    this.#current = new Snapshot(next);
    this.#tell();
  }

  #changes(name: keyof TunRTCEvents, data: never): Partial<SnapshotParts> {
    const { streams, messages, peers } = this.#current;
    switch (name) {
      case 'connectionStateChanged':
        return { connection: data };
      case 'localStream': {
        const { user } = this.#client;
        const own = { userId: user?.userId ?? '', username: user?.username ?? '', isLocal: true, ...(data as TunRTCEvents['localStream']) };
        return { streams: [own, ...streams] };
      }
      case 'remoteStream':
        return { streams: [...streams, { isLocal: false, ...(data as TunRTCEvents['remoteStream']) }] };
      case 'localStreamRemoved':
      case 'remoteStreamRemoved': {
        const { stream } = data as { stream: MediaStream };
        return { streams: streams.filter((each) => each.stream !== stream) };
      }
      case 'peerStateChanged': {
        const { userId, state } = data as TunRTCEvents['peerStateChanged'];
        const { [userId]: _, ...others } = peers;
        return { peers: state === 'closed' ? others : { ...others, [userId]: state } };
      }
      case 'message':
        return { messages: insert(messages, data) };
      case 'localStatusChanged':
        return { local: data };
      case 'devicesChanged':
        return { devices: data };
      default:
        return {};
    }
  }

  #participants(): readonly Participant[] {
    const now = [...this.#client.participants.values()];
    const { participants } = this.#current;
    return now.length === participants.length && now.every((each, at) => each === participants[at]) ? participants : now;
  }

  #tell(): void {
    if (this.#isTelling || this.#listeners.size === 0) return;
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }
}

/** Ids of messages sort by time; they may come in any order. */
function insert(messages: readonly ChatMessage[], message: ChatMessage): readonly ChatMessage[] {
  const at = messages.findLastIndex(({ messageId }) => messageId <= message.messageId) + 1;
  if (messages[at - 1]?.messageId === message.messageId) return messages;
  return [...messages.slice(0, at), message, ...messages.slice(at)].slice(-MESSAGES);
}

function same(one: SnapshotParts['user'], other: SnapshotParts['user']): boolean {
  return one?.userId === other?.userId && one?.username === other?.username && one?.email === other?.email;
}
