/**
 * What goes over the wire, by the contract: JSON in camelCase, times as RFC 3339 UTC with milliseconds.
 * @module
 */

/** What a session is for. The first TunRTC's numbers 0 to 3 mean the same, in this order. */
export type SessionType = 'audioOnly' | 'videoCall' | 'screenShare' | 'mixed';

/** Whether the list of active sessions shows a session. An unlisted one is joined by its id. */
export type Visibility = 'public' | 'unlisted';

/** How a participant's signaling connection stands. */
export type ParticipantStatus = 'connected' | 'reconnecting' | 'disconnected';

/** The answer to register, login, refresh and password change. */
export interface Auth {
  token: string;
  tokenType: 'Bearer';
  expiresAt: string;
  refreshToken: string;
  refreshExpiresAt: string;
  userId: string;
  username: string;
  email: string;
}

/** The signed-in account. */
export interface Account {
  id: string;
  username: string;
  email: string;
  createdAt: string;
  lastLoginAt: string | null;
}

/** A session ("room"). */
export interface Session {
  sessionId: string;
  name: string;
  type: SessionType;
  status: 'active' | 'ended';
  visibility: Visibility;
  maxParticipants: number;
  currentParticipants: number;
  createdAt: string;
  endedAt: string | null;
  creatorId: string;
  creatorUsername: string;
}

/** Somebody who holds a seat in a session. */
export interface Participant {
  userId: string;
  username: string;
  joinedAt: string;
  status: ParticipantStatus;
  isMuted: boolean;
  isVideoEnabled: boolean;
}

/** A session with its participants. */
export interface SessionDetail extends Session {
  participants: Participant[];
}

/** Where to connect for signaling. The ticket lives 60 s and works once. */
export interface SignalingTicket {
  url: string;
  ticket: string;
  expiresAt: string;
}

/** One entry of an `RTCConfiguration`, as the server gives it. */
export interface IceServer {
  urls: string[];
  username?: string;
  credential?: string;
}

/** ICE servers with credentials that end after `ttlSeconds`. */
export interface IceServers {
  iceServers: IceServer[];
  ttlSeconds: number;
}

/** The answer to joining a session over REST. */
export interface Joined extends SessionDetail {
  signaling: SignalingTicket;
  iceServers: IceServer[];
}

/** One line of chat. */
export interface ChatMessage {
  messageId: string;
  fromUserId: string;
  fromUsername: string;
  message: string;
  timestamp: string;
}

/** The state of the server. */
export interface Health {
  status: 'healthy';
  timestamp: string;
  version: string;
}

/** One bad field of a refused request. */
export interface FieldError {
  field: string;
  reason: string;
}

/** An RFC 9457 problem document. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  message: string;
  requestId: string;
  errors?: FieldError[];
}

/** Why a participant is gone. */
export type LeaveReason = 'left' | 'timeout' | 'removed';

/** A session description without its methods. */
export interface Description<Type extends 'offer' | 'answer'> {
  type: Type;
  sdp: string;
}

/** What a signal carries: exactly one of an offer, an answer or candidates. */
export type SignalBody =
  | { offer: Description<'offer'> }
  | { answer: Description<'answer'> }
  | { candidates: RTCIceCandidateInit[] };

/** Who sent a signal, and its place in the sender's order. */
export interface SignalOrigin {
  fromUserId: string;
  fromUsername: string;
  signalId: string;
  epoch?: string;
  seq?: number;
}

/** A signal as its target receives it. */
export type Signal = SignalOrigin & SignalBody;

/** A signal with the time at which the server took it. */
export type ReceivedSignal = Signal & { timestamp: string };

/** The answer to `joinSession` over the WebSocket. */
export interface JoinAck {
  session: SessionDetail;
  /** False when something may have been missed since the last connection. */
  recovered: boolean;
  /** Send a frame at least this often, in seconds. */
  heartbeatSeconds: number;
}

/** What each event of the server carries, by its name on the wire. */
export interface ServerEvents {
  userJoined: Omit<Participant, 'status'>;
  userLeft: { userId: string; username: string; reason: LeaveReason };
  userStatusUpdated: Omit<Participant, 'joinedAt'>;
  receiveOffer: SignalOrigin & { offer: Description<'offer'> };
  receiveAnswer: SignalOrigin & { answer: Description<'answer'> };
  receiveIceCandidate: SignalOrigin & { candidates: RTCIceCandidateInit[] };
  receiveMessage: Omit<ChatMessage, 'timestamp'>;
  sessionEnded: { reason: string };
  replaced: Record<string, never>;
}

/** An event frame; which data it carries follows from its `event`. */
export type EventFrame = {
  [Name in keyof ServerEvents]: { event: Name; timestamp: string; data: ServerEvents[Name] };
}[keyof ServerEvents];

/** The answer to a client's frame. */
export type AnswerFrame =
  | { event: 'ack'; id?: string; timestamp: string; data: unknown }
  | { event: 'error'; id?: string; timestamp: string; data: { code: string; message: string } };

/** Everything that the server sends. */
export type ServerFrame = EventFrame | AnswerFrame;
