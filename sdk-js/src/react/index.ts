/**
 * React parts: hooks for a call of one's own making, and a ready-made one.
 * @module
 */
import {
  createContext,
  createElement,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
  type CSSProperties,
  type ReactElement,
  type ReactNode,
} from 'react';
import {
  IDLE,
  TunRTCClient,
  type Capture,
  type ChatMessage,
  type ConnectionState,
  type Devices,
  type LocalStatus,
  type Participant,
  type Snapshot,
  type StreamKind,
  type StreamView,
  type TunRTCError,
  type TunRTCOptions,
} from 'tunrtc-client';
import type { CallOptions, MountedCall } from '../ui/call-view.ts';

/** A client that is made when it is first needed: not while a server renders, nor for a page that is never shown. */
interface Holder {
  readonly current: TunRTCClient | undefined;
  get(): TunRTCClient;
}

const Context = createContext<Holder | undefined>(undefined);

/** Either a client, which the app signs in and keeps, or the options of one that lives as long as this does. */
export type TunRTCProviderProps = { children?: ReactNode } & ({ client: TunRTCClient } | TunRTCOptions);

/** Gives the components in it a client. Options are read once; another `client` takes the place of the one before. */
export function TunRTCProvider({ children, ...given }: TunRTCProviderProps): ReactElement {
  const client = 'client' in given ? given.client : undefined;
  const [options] = useState(() => given as TunRTCOptions);
  const holder = useMemo(() => hold(() => client ?? new TunRTCClient(options), client), [client, options]);
  // What this made ends with it. Leaving may be overtaken, as strict mode does: the next join wins.
  useEffect(() => () => void (client ?? holder.current?.leaveSession().catch(() => {})), [client, holder]);
  return createElement(Context.Provider, { value: holder }, children);
}

function hold(make: () => TunRTCClient, current?: TunRTCClient): Holder {
  return {
    get current() {
      return current;
    },
    get: () => (current ??= make()),
  };
}

function useHolder(): Holder {
  const holder = useContext(Context);
  if (!holder) throw new Error('Put this inside a <TunRTCProvider>.');
  return holder;
}

/** The client, for effects and handlers. */
export function useTunRTC(): TunRTCClient {
  return useHolder().get();
}

/**
 * Any part of what the client shows; renders anew when that part changes.
 *
 * @param select picks it; it must answer the same for the same snapshot
 */
export function useSnapshot<Part>(select: (snapshot: Snapshot) => Part): Part {
  const holder = useHolder();
  const subscribe = useCallback((listener: () => void) => holder.get().subscribe(listener), [holder]);
  return useSyncExternalStore(
    subscribe,
    () => select(holder.current?.getSnapshot() ?? IDLE),
    () => select(IDLE),
  );
}

/** The call: where it stands, and what one can do. Every function may be called at any time; the last one wins. */
export interface UseCall extends LocalStatus {
  /** Signaling: `idle`, `connecting`, `connected`, `reconnecting` or `closed`. */
  status: ConnectionState['status'];
  /** Why it is reconnecting or closed. */
  reason: { code: string; message: string } | undefined;
  sessionId: string | undefined;
  user: Snapshot['user'];
  /** Shows and captures oneself before joining. */
  preview(audio?: Capture, video?: Capture): Promise<void>;
  /** Joins the session, or the room that the client's token is for; rejects with `closed` when it was overtaken by another join or leave. */
  join(sessionId?: string, audio?: Capture, video?: Capture): Promise<void>;
  leave(): Promise<void>;
  setMuted(muted: boolean): Promise<void>;
  setVideoEnabled(enabled: boolean): Promise<void>;
  startScreenShare(): Promise<void>;
  stopScreenShare(): Promise<void>;
}

export function useCall(): UseCall {
  const holder = useHolder();
  const connection = useSnapshot((snapshot) => snapshot.connection);
  const local = useSnapshot((snapshot) => snapshot.local);
  const sessionId = useSnapshot((snapshot) => snapshot.sessionId);
  const user = useSnapshot((snapshot) => snapshot.user);
  const actions = useMemo(
    () => ({
      preview: (audio?: Capture, video?: Capture) => holder.get().preview(audio, video),
      join: async (id?: string, audio?: Capture, video?: Capture) => void (await holder.get().joinSession(id, audio, video)),
      leave: () => holder.get().leaveSession(),
      setMuted: (muted: boolean) => holder.get().setMuted(muted),
      setVideoEnabled: (enabled: boolean) => holder.get().setVideoEnabled(enabled),
      startScreenShare: async () => void (await holder.get().startScreenShare()),
      stopScreenShare: () => holder.get().stopScreenShare(),
    }),
    [holder],
  );
  const reason = useMemo(() => ('code' in connection ? { code: connection.code, message: connection.reason } : undefined), [connection]);
  return { ...local, ...actions, status: connection.status, reason, sessionId, user };
}

/** The others in the session. */
export function useParticipants(): readonly Participant[] {
  return useSnapshot((snapshot) => snapshot.participants);
}

/** Streams to show, own ones first; give each to a {@link StreamVideo}. */
export function useTracks(filter: { kind?: StreamKind; userId?: string } = {}): readonly StreamView[] {
  const { kind, userId } = filter;
  const streams = useSnapshot((snapshot) => snapshot.streams);
  return useMemo(
    () => streams.filter((each) => (kind === undefined || each.kind === kind) && (userId === undefined || each.userId === userId)),
    [streams, kind, userId],
  );
}

export interface UseChat {
  /** The oldest first, with the history of the last 24 h, as far as it was fetched. */
  messages: readonly ChatMessage[];
  /** Says something to everybody; resolves once the server has it. */
  send(message: string): Promise<void>;
}

/** The chat of the session. @param history how many earlier messages are fetched after the join, 0 to 100 */
export function useChat({ history = 50 }: { history?: number } = {}): UseChat {
  const holder = useHolder();
  const live = useSnapshot((snapshot) => snapshot.messages);
  const place = useSnapshot(({ connection, sessionId }) => (connection.status === 'connected' ? sessionId : undefined));
  const [earlier, setEarlier] = useState<{ place: string; messages: ChatMessage[] }>();
  useEffect(() => {
    if (!place || history === 0 || earlier?.place === place) return;
    let isOver = false;
    const done = (messages: ChatMessage[]) => isOver || setEarlier({ place, messages });
    // Without a history the chat goes on from here.
    holder.get().getMessages(place, { limit: history }).then(done, () => done([]));
    return () => void (isOver = true);
  }, [holder, place, history, earlier?.place]);
  const messages = useMemo(() => merge(earlier?.messages ?? [], live), [earlier, live]);
  const send = useCallback(async (message: string) => void (await holder.get().sendMessage(message)), [holder]);
  return { messages, send };
}

/** By id, which sorts by time. */
function merge(...lists: (readonly ChatMessage[])[]): ChatMessage[] {
  const all = new Map(lists.flat().map((message) => [message.messageId, message]));
  return [...all.values()].sort((one, other) => (one.messageId < other.messageId ? -1 : 1));
}

export interface UseDevices extends Devices {
  /** The ids of those in use. */
  cameraId: string | undefined;
  microphoneId: string | undefined;
  /** Goes over to another one, in the middle of a call too. */
  selectCamera(deviceId: string): Promise<void>;
  selectMicrophone(deviceId: string): Promise<void>;
}

const NO_DEVICES: Devices = { cameras: [], microphones: [], speakers: [] };

/** The devices that there are. Names and ids are empty until the user has allowed one. */
export function useDevices(): UseDevices {
  const holder = useHolder();
  const changed = useSnapshot((snapshot) => snapshot.devices);
  const local = useSnapshot((snapshot) => snapshot.local);
  const [state, setState] = useState({ devices: NO_DEVICES, cameraId: idOf(undefined, 'Video'), microphoneId: idOf(undefined, 'Audio') });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let isOver = false;
    const client = holder.get();
    const show = (devices: Devices) => {
      if (isOver) return;
      setState({ devices, cameraId: idOf(client.localStream, 'Video'), microphoneId: idOf(client.localStream, 'Audio') });
    };
    client.listDevices().then(show, () => show(NO_DEVICES));
    return () => void (isOver = true);
  }, [holder, changed, local, turn]);
  const select = useMemo(() => {
    const again = () => setTurn((count) => count + 1);
    return {
      selectCamera: (deviceId: string) => holder.get().useCamera(deviceId).finally(again),
      selectMicrophone: (deviceId: string) => holder.get().useMicrophone(deviceId).finally(again),
    };
  }, [holder]);
  const { devices, ...inUse } = state;
  return { ...devices, ...inUse, ...select };
}

function idOf(stream: MediaStream | undefined, kind: 'Audio' | 'Video'): string | undefined {
  return stream?.[`get${kind}Tracks`]()[0]?.getSettings().deviceId;
}

export interface StreamVideoProps {
  view: StreamView;
  className?: string;
  style?: CSSProperties;
  /** The browser plays no sound before a click on the page: offer one, and call what this is given. */
  onBlocked?: (play: () => Promise<void>) => void;
}

/** A stream's picture and sound; the own ones without sound. */
export function StreamVideo({ view: { stream, isLocal }, onBlocked, ...rest }: StreamVideoProps): ReactElement {
  const video = useRef<HTMLVideoElement>(null);
  const blocked = useLatest(onBlocked);
  useEffect(() => {
    const element = video.current;
    if (!element) return;
    // React knows `muted` as an attribute alone, which says nothing once the page runs.
    element.muted = isLocal;
    element.srcObject = stream;
    element.play().catch((error: Error) => error.name === 'NotAllowedError' && blocked.current?.(() => element.play()));
    return () => void (element.srcObject = null);
  }, [stream, isLocal, blocked]);
  return createElement('video', { ref: video, autoPlay: true, playsInline: true, ...rest });
}

/** As {@link CallOptions}, with the provider's client, and the place that it takes. */
export interface VideoCallProps extends Omit<CallOptions, 'client'> {
  className?: string | undefined;
  style?: CSSProperties | undefined;
}

/**
 * A ready-made call: preview, pictures, controls and chat. It takes its size from `className` or `style`, its colours from
 * the page's CSS variables. It leaves when it is taken away. Its part of the package is loaded when it is first shown.
 */
export function VideoCall({ className, style, ...options }: VideoCallProps): ReactElement {
  const holder = useHolder();
  const host = useRef<HTMLDivElement>(null);
  const latest = useLatest(options);
  const { sessionId, preview, audio, video, chat, heading, labels } = options;
  const words = JSON.stringify(labels);
  useEffect(() => {
    let isOver = false;
    let mounted: MountedCall | undefined;
    const client = holder.get();
    const mount = ({ mountCall }: typeof import('../ui/call-view.ts')) => {
      if (isOver || !host.current) return;
      const { onJoined, onLeft, onError, ...rest } = latest.current;
      const tell = { onJoined: () => latest.current.onJoined?.(), onLeft: (code: string) => latest.current.onLeft?.(code) };
      mounted = mountCall(host.current, { ...rest, ...tell, client, onError: (error) => latest.current.onError?.(error) });
    };
    import('../ui/call-view.ts').then(mount, (error: TunRTCError) => latest.current.onError?.(error));
    return () => {
      isOver = true;
      void mounted?.unmount();
    };
  }, [holder, latest, sessionId, preview, audio, video, chat, heading, words]);
  return createElement('div', { ref: host, className, style });
}

/** What was given last, for what runs later. */
function useLatest<Value>(value: Value): { readonly current: Value } {
  const latest = useRef(value);
  useEffect(() => void (latest.current = value));
  return latest;
}
