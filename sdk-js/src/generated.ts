// Written by `npm run wire` from docs/api. Change the server's types, not this file.

/** What came of joining. */
export type Admission = 'admitted' | 'waiting';

/** Asks where chunks are stored, and which are there. */
export interface AskUploads {
  /** Addresses are wanted from that chunk on. */
  fromSeq: number;
  /** The recording. */
  recordingId: string;
  /** When the segment began that begins with that chunk, if one does, in milliseconds since 1970 by the server's clock: after a reload, or
with other tracks. They are told in order; the newest may be told again. */
  segmentStartedAt?: number;
}

/** Somebody who took part. */
export interface AttendanceView {
  /** Their connections, in order. */
  connections: ConnectionView[];
  /** What the app calls its user; an account has none. */
  identity?: string;
  /** Minutes in which they were connected and that nobody reported: a tab that was killed, say. */
  missing: string[];
  /** The runs of their client, in order. */
  runs: RunView[];
  /** The account, or the user of an app. */
  userId: string;
  /** The name. */
  username: string;
}

/** Attributes by name; null takes one away. */
export type AttributesInput = Record<string, string | null>;

/** What a login gives. */
export interface Auth {
  /** Its address. */
  email: string;
  /** When the access token runs out. */
  expiresAt: string;
  /** When the refresh token runs out. */
  refreshExpiresAt: string;
  /** Exchanged for the next pair; good for one use. */
  refreshToken: string;
  /** The access token. */
  token: string;
  /** Always `Bearer`. */
  tokenType: string;
  /** The account. */
  userId: string;
  /** Its name. */
  username: string;
}

/** Sound to and from a peer. */
export interface CallAudio {
  /** The codec's name. */
  codec?: string;
  /** Samples made up for what was missing. */
  concealedPercent?: number;
  /** From the peer, in kbit/s. */
  inKbps?: number;
  /** In ms. */
  jitterMs?: number;
  /** Packets lost on the way here. */
  lossPercent?: number;
  /** Mean opinion score. */
  mos?: number;
  /** To the peer, in kbit/s. */
  outKbps?: number;
}

/** The types of ICE candidates (RFC 8445, section 5.1.1). */
export type CallCandidate = 'host' | 'srflx' | 'prflx' | 'relay';

/** What a client is, coarsely. */
export interface CallClient {
  /** The browser and its version. */
  browser?: string;
  /** What it runs on. */
  device?: CallDevice;
  /** The operating system. */
  os?: string;
  /** The SDK's version. */
  sdk?: string;
}

/** One call with what happened in it. */
export interface CallDetailView {
  /** The mean opinion score of audio, 1-5. */
  audioMos?: number;
  /** How often video stood still. */
  freezes: number;
  /** The median time that joining took. */
  joinMs?: number;
  /** When the newest report came. */
  lastReportAt: string;
  /** Its name, as the newest report has it. */
  name: string;
  /** How many minutes participants reported together. */
  participantMinutes: number;
  /** Whoever reported. */
  participants: AttendanceView[];
  /** How often connections came back. */
  reconnects: number;
  /** How many participants had their media go over a TURN server. */
  relayed: number;
  /** The app's name of it, if it has one. */
  room?: string;
  /** The mean score of all minutes, 1-5. */
  score?: number;
  /** The session. */
  sessionId: string;
  /** When the first client's run began. */
  startedAt: string;
  /** What happened, in order. */
  timeline: MomentView[];
  /** Whether somebody has more minutes than the newest 1,500, or the call more recordings than the newest 100, which are shown. */
  truncated: boolean;
  /** The score of anybody's worst minute. */
  worstScore?: number;
}

/** What a client runs on. */
export type CallDevice = 'desktop' | 'phone' | 'tablet' | 'other';

/** Something that happened to a client. */
export interface CallEvent {
  /** When, by the client's clock: near the minute. */
  at: string;
  /** More about it. */
  detail?: string;
  /** What. */
  kind: CallEventKind;
}

/** What happens to clients. */
export type CallEventKind = 'joined' | 'left' | 'reconnecting' | 'reconnected' | 'muted' | 'unmuted' | 'cameraOff' | 'cameraOn' | 'screenOn' | 'screenOff' | 'iceRestart' | 'deviceChanged' | 'hidden' | 'visible' | 'limited';

/** The steps of joining, each in ms from the start of the join. */
export interface CallJoin {
  /** The join was answered. */
  answerMs?: number;
  /** The session was joined. */
  joinedMs?: number;
  /** The first media of somebody came. */
  mediaMs?: number;
  /** The socket was open. */
  socketMs?: number;
  /** The token was there. */
  tokenMs?: number;
}

/** What keeps sent video down. */
export type CallLimit = 'none' | 'bandwidth' | 'cpu' | 'other';

/** How a run came out. */
export type CallOutcome = 'connected' | 'alone' | 'failed';

/** What a client saw of one peer. */
export interface CallPeer {
  /** Sound. */
  audio?: CallAudio;
  /** What the line is believed to carry, in kbit/s. */
  availableKbps?: number;
  /** The type of the local ICE candidate in use. */
  candidate?: CallCandidate;
  /** By what media travels; to the TURN server, where there is one. */
  protocol?: CallTransport;
  /** The round trip, in ms. */
  rttMs?: number;
  /** The score of this minute. */
  score?: number;
  /** Who. */
  userId: string;
  /** Pictures. */
  video?: CallVideo;
}

/** What one client saw of a call in one minute. Whatever was not measured is left out: absent is not zero. */
export interface CallReport {
  /** What the client is. */
  client?: CallClient;
  /** What happened in that minute. */
  events?: CallEvent[];
  /** Whether it is the run's last report; false if not given. */
  final?: boolean;
  /** How long the steps of joining took. */
  join?: CallJoin;
  /** The start of the minute, in UTC: at most 15 minutes ago. */
  minute: string;
  /** What was seen of each peer, each of them once. */
  peers?: CallPeer[];
  /** One run of the client in this session. The same run and minute again replaces what was said of it. */
  run: string;
  /** The worst peer's score of this minute; absent where nobody else was there. */
  score?: number;
  /** How scores were made. */
  scoreVersion: number;
  /** The whole run until now, so that the newest report says everything. */
  summary: CallSummary;
}

/** A whole run of a client, until its newest report. */
export interface CallSummary {
  /** The mean opinion score of audio. */
  audioMos?: number;
  /** An error's code. */
  failure?: string;
  /** For how long together. */
  freezeMs?: number;
  /** How often video stood still. */
  freezes?: number;
  /** How often ICE began anew. */
  iceRestarts?: number;
  /** From the call of join until joined. */
  joinMs?: number;
  /** From the call of join until the first media of somebody. */
  mediaMs?: number;
  /** How many minutes were reported, this one too. */
  minutes: number;
  /** How it came out. */
  outcome: CallOutcome;
  /** How often the connection came back. */
  reconnects?: number;
  /** Whether media went over a TURN server. */
  relayed?: boolean;
  /** The mean score. */
  score?: number;
  /** When the run began. */
  startedAt: string;
  /** The worst minute's score. */
  worstScore?: number;
}

/** By what media travels. */
export type CallTransport = 'udp' | 'tcp' | 'tls';

/** Pictures to and from a peer. */
export interface CallVideo {
  /** The codec's name. */
  codec?: string;
  /** Frames from the peer in a second. */
  fps?: number;
  /** For how long together. */
  freezeMs?: number;
  /** How often it stood still. */
  freezes?: number;
  /** In pixels. */
  height?: number;
  /** From the peer, in kbit/s. */
  inKbps?: number;
  /** What kept down what is sent to the peer. */
  limitedBy?: CallLimit;
  /** Packets lost on the way here. */
  lossPercent?: number;
  /** To the peer, in kbit/s. */
  outKbps?: number;
  /** In pixels. */
  width?: number;
}

/** A call in a list. */
export interface CallView {
  /** The mean opinion score of audio, 1-5. */
  audioMos?: number;
  /** How often video stood still. */
  freezes: number;
  /** The median time that joining took. */
  joinMs?: number;
  /** When the newest report came. */
  lastReportAt: string;
  /** Its name, as the newest report has it. */
  name: string;
  /** How many minutes participants reported together. */
  participantMinutes: number;
  /** How many took part. */
  participants: number;
  /** How often connections came back. */
  reconnects: number;
  /** How many participants had their media go over a TURN server. */
  relayed: number;
  /** The app's name of it, if it has one. */
  room?: string;
  /** The mean score of all minutes, 1-5. */
  score?: number;
  /** The session. */
  sessionId: string;
  /** When the first client's run began. */
  startedAt: string;
  /** The score of anybody's worst minute. */
  worstScore?: number;
}

/** Changes the password. */
export interface ChangePassword {
  /** The password so far. */
  currentPassword: string;
  /** The password from now on. */
  newPassword: string;
}

/** One chat message. */
export interface ChatMessage {
  /** What its writer's client calls it, if it gave it a name. */
  clientMessageId?: string;
  /** What the app calls its user; an account has none. */
  fromIdentity?: string;
  /** Who wrote it. */
  fromUserId: string;
  /** The writer's name. */
  fromUsername: string;
  /** The text. */
  message: string;
  /** Its identifier. */
  messageId: string;
  /** When it was sent. */
  timestamp: string;
}

/** What a client is, as far as it said. */
export interface ClientView {
  /** The browser and its version. */
  browser?: string;
  /** What it runs on: `desktop`, `phone`, `tablet` or `other`. */
  device?: string;
  /** The operating system. */
  os?: string;
  /** The SDK's version. */
  sdk?: string;
}

/** A connection of a participant, by the server's clock. */
export interface ConnectionView {
  /** When it was made. */
  connectedAt: string;
  /** When it ended, if that was noticed. */
  disconnectedAt: string | null;
  /** Why: the WebSocket close code, and what was said. */
  reason?: string;
}

/** The answer to `sendData`. */
export interface DataAck {
  /** What the data is called. */
  dataId: string;
}

/** Deletes the account. */
export interface DeleteAccount {
  /** The password. */
  password: string;
}

/** That something was done. */
export interface Done {
  /** What was done, for people. */
  message: string;
}

/** What happened, in the order of noting. */
export interface EventsView {
  /** Each as endpoints are told of it. */
  events: WebhookEvent[];
  /** For `after` of the next request, now or later; nothing while nothing was noted. */
  next: string | null;
}

/** One bad field of a request. */
export interface FieldError {
  /** The field's path. */
  field: string;
  /** What it must be. */
  reason: string;
}

/** Ends a recording. */
export interface FinishRecording {
  /** How long it recorded, in milliseconds. */
  durationMs?: number;
  /** Its last chunk. */
  lastSeq: number;
  /** The recording. */
  recordingId: string;
}

/** What a guest may do. */
export type GuestRole = 'participant' | 'viewer';

/** A guest, and what they join by. */
export interface Guest {
  /** When the token ends. A seat is taken only as long as the invitation is good. */
  expiresAt: string;
  /** The same, as it stands in rosters: `guest:`, the invitation's identifier, `:`, and something random. */
  identity: string;
  /** Where the invitation leads. */
  invitation: Invitation;
  /** The token that joins the session, and comes back to the seat there. */
  token: string;
  /** Always `Bearer`. */
  tokenType: string;
  /** Who they are there. */
  userId: string;
  /** What others see: the name with ` (guest)` behind it. */
  username: string;
}

/** The state of the service. */
export interface Health {
  /** Always `healthy`. */
  status: string;
  /** The present moment. */
  timestamp: string;
  /** The version of TunRTC. */
  version: string;
}

/** One entry of `RTCConfiguration.iceServers`. */
export interface IceServer {
  /** For TURN: proves the user name. */
  credential?: string;
  /** STUN or TURN addresses. */
  urls: string[];
  /** For TURN: when the credential runs out, and whose it is. */
  username?: string;
}

/** STUN and TURN servers. */
export interface IceServers {
  /** What `RTCPeerConnection` wants. */
  iceServers: IceServer[];
  /** How long the credentials are good for new allocations, in seconds. */
  ttlSeconds: number;
}

/** Where a code leads, for whoever has it. */
export interface Invitation {
  /** When the invitation ends. */
  expiresAt: string;
  /** Whose session it is. */
  hostUsername: string;
  /** What guests may do who come by it: `participant` or `viewer`. */
  role: Role;
  /** The session. An account joins it by this. */
  sessionId: string;
  /** Its name. */
  sessionName: string;
}

/** The code of a link that lets guests in. */
export interface InviteCode {
  /** What stands behind `#/join/`. */
  code: string;
}

/** Somebody who comes by a link. */
export interface InviteRedemption {
  /** What stands behind `#/join/`. */
  code: string;
  /** The name that others are to see, with ` (guest)` behind it. */
  name: string;
}

/** An invitation, for those who host its session. */
export interface Invite {
  /** What its link carries; shown once, as it is made. */
  code?: string;
  /** When it was made. */
  createdAt: string;
  /** When it ends. */
  expiresAt: string;
  /** Its identifier, which is no secret. The `identity` of a guest who came by it has it in the middle. */
  inviteId: string;
  /** What guests may do who come by it: `participant` or `viewer`. */
  role: Role;
  /** Where it leads. */
  sessionId: string;
  /** The link to the console of this server; shown once, as it is made. An app puts the code behind the address of a page of its own. */
  url?: string;
}

/** The steps of joining, each in ms from the start of the join. */
export interface JoinView {
  /** The join was answered. */
  answerMs?: number;
  /** The session was joined. */
  joinedMs?: number;
  /** The first media of somebody came. */
  mediaMs?: number;
  /** The socket was open. */
  socketMs?: number;
  /** The token was there. */
  tokenMs?: number;
}

/** The answer to joining. */
export interface Joined {
  /** Whether there is a seat. */
  admission: Admission;
  /** When it was created. */
  createdAt: string;
  /** Who created it. */
  creatorId: string;
  /** The creator's name. */
  creatorUsername: string;
  /** How many of them are taken. */
  currentParticipants: number;
  /** How long it may stand empty, in seconds, if that was said. */
  emptyTimeoutSeconds?: number;
  /** When it ended. */
  endedAt: string | null;
  /** What `RTCPeerConnection` wants; nothing for whoever waits. */
  iceServers: IceServer[];
  /** Whether nobody but hosts and cohosts may join. */
  locked: boolean;
  /** How long it lasts at most, in seconds, if that was said. */
  maxDurationSeconds?: number;
  /** Its number of seats. */
  maxParticipants: number;
  /** How media travels. */
  media: Media;
  /** What the app keeps with it; neither in lists nor in the answer to a join. */
  metadata?: string;
  /** Its name. */
  name: string;
  /** Who is believed to be there. */
  participants: Participant[];
  /** Whether everybody is asked to record themselves; absent where not. */
  recordingRequested?: boolean;
  /** The app's own name of it, if it has one. */
  room?: string;
  /** Its identifier. */
  sessionId: string;
  /** How to connect. */
  signaling: SignalingTicket;
  /** Whether it can be joined. */
  status: SessionStatus;
  /** What it is for. */
  type: SessionType;
  /** Who joined: the caller. */
  userId: string;
  /** How often its settings were changed. */
  version: number;
  /** Who can find it. */
  visibility: Visibility;
  /** Whether whoever joins waits until a host or a cohost admits them. */
  waitingRoom: boolean;
}

/** A kind of session, by name or by number. */
export type SessionTypeInput = SessionType | number;

/** What a session is for. */
export type SessionType = 'audioOnly' | 'videoCall' | 'screenShare' | 'mixed';

/** Logs in. */
export interface Login {
  /** The address. */
  email: string;
  /** The password. */
  password: string;
}

/** The caller's account. */
export interface Account {
  /** When it was registered. */
  createdAt: string;
  /** Who can find a session that it creates without saying so; the operator's choice. */
  defaultVisibility: Visibility;
  /** Its address. */
  email: string;
  /** The account. */
  id: string;
  /** When it last logged in. */
  lastLoginAt: string | null;
  /** Its name. */
  username: string;
}

/** How media travels in a session. */
export interface Media {
  /** So many people show video at most; the next ones are there with audio. */
  limit: number;
  /** How clients report the quality of the call; absent where that is not wanted. */
  quality?: QualityView;
  /** Whether participants can record themselves; absent where not. */
  recording?: boolean;
  /** Who sends to whom. */
  topology: Topology;
}

/** A kind of track. */
export type MediaKind = 'audio' | 'video' | 'screen';

/** Something that happened in a call. */
export interface MomentView {
  /** When: by the client's clock, or by the server's for `connected`, `disconnected`, `recordingStarted` and `recordingStopped`. */
  at: string;
  /** More about it; of a recording its kind. */
  detail?: string;
  /** What: a kind of event of a report, `connected`, `disconnected`, `recordingStarted` or `recordingStopped`. */
  kind: string;
  /** To whom. */
  userId: string;
}

/** Asks one participant to switch a track off. */
export interface Mute {
  /** Which track. */
  kind: MediaKind;
}

/** Asks all but the caller, the hosts and some. */
export interface MuteAll {
  /** Whom not, by `userId` or by what the app calls its user. */
  except?: string[];
  /** Which track. */
  kind: MediaKind;
}

/** An endpoint, as an event names it. */
export interface NamedWebhook {
  /** What its owner says of it. */
  description: string;
  /** Its identifier. */
  webhookId: string;
}

/** A new link that lets guests in. */
export interface NewInvite {
  /** After how many seconds it ends; a day if not given. */
  expiresInSeconds?: number;
  /** What whoever comes by it may do; `participant` if not given. A viewer looks on and may write. */
  role?: GuestRole;
}

/** A new session. */
export interface NewSession {
  /** After how many seconds without anybody it ends, give or take the sweep's period. */
  emptyTimeoutSeconds?: number;
  /** Whether nobody but hosts and cohosts may join; false if not given. */
  locked?: boolean;
  /** After how many seconds it ends, whoever is there, give or take the sweep's period. Nobody joins after that. */
  maxDurationSeconds?: number;
  /** Its number of seats; 10 if not given. */
  maxParticipants?: number;
  /** Whatever the app wants to keep with it: at most 4096 bytes of UTF-8. */
  metadata?: string;
  /** Its name; with `room` that serves where none is given. */
  name?: string;
  /** The app's own name of it, unique among the active sessions of its project; no UUID, and none of active, create, end, join, leave
and ticket. For API keys and join tokens. */
  room?: string;
  /** What it is for; `videoCall` if not given. The first TunRTC's numbers 0-3 stand for the names in this order. */
  type?: SessionTypeInput;
  /** Who can find it; if not given, the account's `defaultVisibility`, which the operator set, and `unlisted` with a `room`. */
  visibility?: Visibility;
  /** Whether whoever joins waits until a host or a cohost admits them; false if not given. */
  waitingRoom?: boolean;
}

/** An endpoint that is to be told what happens. */
export interface NewWebhook {
  /** What its owner says of it. */
  description?: string;
  /** What it is told; `["*"]`, which is the same as none, stands for everything. */
  types?: string[];
  /** Where it is: `https://` on port 443 or 8443, and an address that everybody can reach; on a local server also `http://localhost`. */
  url: string;
}

/** `leaveSession` and `ping` have nothing to say. */
export type Nothing = Record<string, never>;

/** What all calls of a span come to. */
export interface OverviewView {
  /** How many calls. */
  calls: number;
  /** Sessions are meant that were created from then on. */
  from: string;
  /** The share of clients' runs that did not fail, 0-1. */
  joinSuccess?: number;
  /** The mean score of all minutes, 1-5. */
  meanScore?: number;
  /** The median time that joining took. */
  medianJoinMs?: number;
  /** How many minutes they reported together. */
  participantMinutes: number;
  /** How many people took part. */
  participants: number;
  /** The share of calls in which anybody's media went over a TURN server, 0-1. */
  relayedShare?: number;
  /** And before then. */
  to: string;
  /** The calls with the worst minutes, the worst first, at most 10. */
  worst: CallView[];
}

/** What is to be changed about somebody. */
export interface ParticipantChange {
  /** Attributes by name, 4 KiB together with those that are there; null takes one away. */
  attributes?: AttributesInput;
  /** What the app keeps with them instead: at most 4096 bytes of UTF-8, an empty text for nothing. */
  metadata?: string;
  /** Single permissions, whatever the role says. */
  permissions?: PermissionsChange;
  /** The new role, with its permissions. */
  role?: Role;
  /** Another name, for as long as they stay. */
  username?: string;
}

/** A participant, with all that is known. */
export interface ParticipantDetail {
  /** What they say of themselves, by name. */
  attributes: Record<string, string>;
  /** When the first connection joined, if one has. */
  connectedAt?: string;
  /** Since when a hand is raised. */
  handRaisedAt?: string;
  /** What the app calls its user; an account has none. */
  identity?: string;
  /** Whether the microphone is off. */
  isMuted: boolean;
  /** Whether the camera is on. */
  isVideoEnabled: boolean;
  /** When the seat was taken. */
  joinedAt: string;
  /** What the app keeps with them, if anything. */
  metadata?: string;
  /** What the participant may do. */
  permissions: Permissions;
  /** Whether they record themselves; absent where not. */
  recording?: boolean;
  /** The participant's part in the session. */
  role: Role;
  /** Whether a connection is there. */
  status: ParticipantStatus;
  /** The account, or the user of an app. */
  userId: string;
  /** The name. */
  username: string;
  /** How often attributes, metadata or hand were changed: of two that say something else, the greater one is the newer. */
  version: number;
}

/** A participant. */
export interface Participant {
  /** What the app calls its user; an account has none. */
  identity?: string;
  /** Whether the microphone is off. */
  isMuted: boolean;
  /** Whether the camera is on. */
  isVideoEnabled: boolean;
  /** When the seat was taken. */
  joinedAt: string;
  /** What the participant may do, where it is not what the role usually may. */
  permissions?: Permissions;
  /** Whether they record themselves; absent where not. */
  recording?: boolean;
  /** The participant's part in the session. */
  role: Role;
  /** Whether a connection is there. */
  status: ParticipantStatus;
  /** The account, or the user of an app. */
  userId: string;
  /** The name. */
  username: string;
}

/** Permissions that are given (true) or taken (false). */
export interface PermissionsChange {
  /** Writing chat messages. */
  chat?: boolean;
  /** Sending data, and calling procedures of others. */
  data?: boolean;
  /** Steering the session and its participants. */
  moderate?: boolean;
  /** Sending sound. */
  publishAudio?: boolean;
  /** Sending a screen's picture. */
  publishScreen?: boolean;
  /** Sending a camera's picture. */
  publishVideo?: boolean;
  /** Changing the own attributes. */
  updateOwnAttributes?: boolean;
}

/** What a participant may do. */
export interface Permissions {
  /** Writing chat messages. */
  chat: boolean;
  /** Sending data, and calling procedures of others. */
  data: boolean;
  /** Steering the session and its participants. */
  moderate: boolean;
  /** Sending sound. */
  publishAudio: boolean;
  /** Sending a screen's picture. */
  publishScreen: boolean;
  /** Sending a camera's picture. */
  publishVideo: boolean;
  /** Changing the own attributes. */
  updateOwnAttributes: boolean;
}

/** One point of a chart. */
export interface PointView {
  /** The start of the minute. */
  minute: string;
  /** The peer; absent for the score of the minute itself. */
  peerUserId?: string;
  /** As high. */
  value: number;
}

/** Whether a participant's connection is there. */
export type ParticipantStatus = 'connected' | 'reconnecting' | 'disconnected';

/** A problem document (RFC 9457). */
export interface Problem {
  /** The stable name. */
  code: string;
  /** As many as there are, of `quota_exceeded`. */
  current?: number;
  /** What happened here, for people. */
  detail: string;
  /** Every bad field of the request. */
  errors?: FieldError[];
  /** Which quota, of `quota_exceeded`: `connectedParticipants`, `activeSessions` or `serverCalls`. */
  limit?: string;
  /** As many as there may be, of `quota_exceeded`. */
  max?: number;
  /** The same as `detail`, for clients of the first TunRTC. */
  message: string;
  /** The recording that goes on, of `recording_active`. */
  recordingId?: string;
  /** What to look for in the log. */
  requestId: string;
  /** The HTTP status. */
  status: number;
  /** The kind of problem, for people. */
  title: string;
  /** A URI reference that names the kind of problem. */
  type: string;
  /** When it ends, where it does: of `banned`. */
  until?: string;
}

/** How clients report the quality of a call. */
export interface QualityView {
  /** How often. */
  everySeconds: number;
}

/** Why a stay or a session is over. */
export type ReasonView = 'left' | 'timeout' | 'removed' | 'denied' | 'ended' | 'empty' | 'maxDuration' | 'deleted';

/** A recording. */
export interface RecordingDetail {
  /** The size of its files. */
  bytes?: number;
  /** How long it lasted, gaps included, in milliseconds. */
  durationMs?: number;
  /** When nothing more came. */
  endedAt?: string;
  /** Why no file could be made of it. */
  error?: string;
  /** When the addresses end; the same question gives others. */
  expiresAt?: string;
  /** Its files, in the order of their beginning: another one where a player cannot go on with what came before. */
  files: RecordingFile[];
  /** What is missing, in order. */
  gaps: RecordingGap[];
  /** What the app calls its user; an account has none. */
  identity?: string;
  /** Until when the recording is kept. */
  keptUntil: string;
  /** What. */
  kind: RecordingKind;
  /** As what, as the client said. */
  mimeType: string;
  /** Its identifier. */
  recordingId: string;
  /** The session. */
  sessionId: string;
  /** When its first sample was taken. */
  startedAt: string;
  /** How far it is. */
  status: RecordingStatus;
  /** Where the first file is fetched. */
  url?: string;
  /** Who recorded themselves. */
  userId: string;
  /** Their name. */
  username: string;
}

/** A file of a recording. */
export interface RecordingFile {
  /** Its size. */
  bytes: number;
  /** How long it plays, in milliseconds. */
  durationMs: number;
  /** Its content type. */
  mimeType: string;
  /** When its first sample was taken. */
  startedAt: string;
  /** Where it is fetched, whole or by ranges, until `expiresAt` of the recording. */
  url: string;
}

/** What became of a recording that was finished. */
export interface RecordingFinished {
  /** `composing`, until its files are there. */
  status: RecordingStatus;
}

/** A stretch of which nothing came. */
export interface RecordingGap {
  /** From there, in milliseconds since the recording began. */
  fromMs: number;
  /** To there. */
  toMs: number;
}

/** What is recorded. */
export type RecordingKind = 'participant' | 'audio' | 'screen';

/** A recording that was begun. */
export interface RecordingStarted {
  /** How much of it a chunk holds, in seconds. */
  chunkSeconds: number;
  /** The content type that a chunk is stored with; it is part of each address's signature. */
  contentType: string;
  /** When the addresses end. */
  expiresAt: string;
  /** The largest chunk, in bytes; a larger one is removed. */
  maxChunkBytes: number;
  /** Its identifier. */
  recordingId: string;
  /** The server's time. */
  serverTime: string;
  /** Where the first chunks are stored. */
  uploads: UploadUrl[];
}

/** How far a recording is. */
export type RecordingStatus = 'active' | 'composing' | 'ready' | 'failed';

/** Where chunks are stored, and which are. */
export interface RecordingUploads {
  /** The content type that a chunk is stored with. */
  contentType: string;
  /** When the addresses end. */
  expiresAt: string;
  /** Chunks that are there: from and to, both included. */
  have: [number, number][];
  /** Chunks that were removed. */
  refused: RefusedChunk[];
  /** Where chunks are stored, from the one on that was asked for; none behind the last one that there can be. */
  uploads: UploadUrl[];
}

/** A refresh token. */
export interface RefreshToken {
  /** As it was given. */
  refreshToken: string;
}

/** Why a chunk was removed. */
export type RefusalView = 'tooLarge';

/** A chunk that was removed. */
export interface RefusedChunk {
  /** Why. */
  reason: RefusalView;
  /** Its number. */
  seq: number;
}

/** Opens an account. */
export interface Register {
  /** The address; unique without regard to case. */
  email: string;
  /** The password. */
  password: string;
  /** The wanted name; unique without regard to case. */
  username: string;
}

/** What is told again. */
export interface ReplayView {
  /** For `after` of the next request, where there may be more. */
  next: string | null;
  /** How much was put into the endpoint's lines. */
  replayed: number;
}

/** Asks everybody to record themselves, or not to any more. */
export interface RequestRecording {
  /** Whether they are to record. */
  recording: boolean;
  /** The session. */
  sessionId: string;
}

/** A participant's part in a session. */
export type Role = 'host' | 'cohost' | 'participant' | 'viewer';

/** One run of a participant's client, as its newest report has it. */
export interface RunView {
  /** The mean opinion score of audio. */
  audioMos?: number;
  /** What the client is. */
  client: ClientView;
  /** An error's code. */
  failure?: string;
  /** Whether that was its last report. */
  final: boolean;
  /** For how long together. */
  freezeMs?: number;
  /** How often video stood still. */
  freezes?: number;
  /** How often ICE began anew. */
  iceRestarts?: number;
  /** How long the steps of joining took. */
  join: JoinView;
  /** From the call of join until joined. */
  joinMs?: number;
  /** The newest minute that was reported. */
  lastMinute: string;
  /** From the call of join until the first media of somebody. */
  mediaMs?: number;
  /** How many minutes were reported. */
  minutes: number;
  /** How it came out: `connected`, `alone` or `failed`. */
  outcome: string;
  /** How often the connection came back. */
  reconnects?: number;
  /** Whether media went over a TURN server. */
  relayed?: boolean;
  /** What the client calls it. */
  run: string;
  /** The mean score. */
  score?: number;
  /** When it began. */
  startedAt: string;
  /** The worst minute's score. */
  worstScore?: number;
}

/** A chat message of whoever steers a session. */
export interface SayMessage {
  /** As in `sendMessage`. */
  clientMessageId?: string;
  /** The name that others see, for API keys alone; the project's without one. */
  fromUsername?: string;
  /** The text. */
  message: string;
}

/** `sendData`: to everybody else, or to some. */
export interface SendData {
  /** What its sender calls it, so that it can be sent again. */
  dataId?: string;
  /** Whatever the app wants, at most 15 KiB of UTF-8. */
  payload: string;
  /** Whom it is for, by `userId`, over REST also by what the app calls its user; everybody else if not given. */
  to?: string[];
  /** What it is about. */
  topic: string;
}

/** A chart of what one participant's client saw. */
export interface SeriesView {
  /** What it shows. */
  metric: string;
  /** In order. */
  points: PointView[];
  /** Whether there are older ones. */
  truncated: boolean;
  /** In which unit; empty for a score or a count. */
  unit: string;
}

/** A session with its participants. */
export interface SessionDetail {
  /** When it was created. */
  createdAt: string;
  /** Who created it. */
  creatorId: string;
  /** The creator's name. */
  creatorUsername: string;
  /** How many of them are taken. */
  currentParticipants: number;
  /** How long it may stand empty, in seconds, if that was said. */
  emptyTimeoutSeconds?: number;
  /** When it ended. */
  endedAt: string | null;
  /** Whether nobody but hosts and cohosts may join. */
  locked: boolean;
  /** How long it lasts at most, in seconds, if that was said. */
  maxDurationSeconds?: number;
  /** Its number of seats. */
  maxParticipants: number;
  /** What the app keeps with it; neither in lists nor in the answer to a join. */
  metadata?: string;
  /** Its name. */
  name: string;
  /** Who is believed to be there. */
  participants: Participant[];
  /** Whether everybody is asked to record themselves; absent where not. */
  recordingRequested?: boolean;
  /** The app's own name of it, if it has one. */
  room?: string;
  /** Its identifier. */
  sessionId: string;
  /** Whether it can be joined. */
  status: SessionStatus;
  /** What it is for. */
  type: SessionType;
  /** How often its settings were changed. */
  version: number;
  /** Who can find it. */
  visibility: Visibility;
  /** Whether whoever joins waits until a host or a cohost admits them. */
  waitingRoom: boolean;
}

/** Names a session, by one of the two; neither means the room that the caller's join token is for. */
export interface SessionRef {
  /** The app's own name of it. */
  room?: string;
  /** The session. */
  sessionId?: string;
}

/** Whether a session can be joined. */
export type SessionStatus = 'active' | 'ended';

/** A session. */
export interface Session {
  /** When it was created. */
  createdAt: string;
  /** Who created it. */
  creatorId: string;
  /** The creator's name. */
  creatorUsername: string;
  /** How many of them are taken. */
  currentParticipants: number;
  /** How long it may stand empty, in seconds, if that was said. */
  emptyTimeoutSeconds?: number;
  /** When it ended. */
  endedAt: string | null;
  /** Whether nobody but hosts and cohosts may join. */
  locked: boolean;
  /** How long it lasts at most, in seconds, if that was said. */
  maxDurationSeconds?: number;
  /** Its number of seats. */
  maxParticipants: number;
  /** What the app keeps with it; neither in lists nor in the answer to a join. */
  metadata?: string;
  /** Its name. */
  name: string;
  /** Whether everybody is asked to record themselves; absent where not. */
  recordingRequested?: boolean;
  /** The app's own name of it, if it has one. */
  room?: string;
  /** Its identifier. */
  sessionId: string;
  /** Whether it can be joined. */
  status: SessionStatus;
  /** What it is for. */
  type: SessionType;
  /** How often its settings were changed. */
  version: number;
  /** Who can find it. */
  visibility: Visibility;
  /** Whether whoever joins waits until a host or a cohost admits them. */
  waitingRoom: boolean;
}

/** How to connect. */
export interface SignalingTicket {
  /** When the ticket runs out. */
  expiresAt: string;
  /** Admits one connection of one user to one session, once. */
  ticket: string;
  /** The complete address; `?ticket=` is the client's to add. */
  url: string;
}

/** Begins a recording. */
export interface StartRecording {
  /** What is recorded. */
  kind: RecordingKind;
  /** What a `MediaRecorder` says that it makes. */
  mimeType: string;
  /** The session, in which the caller has a seat. */
  sessionId: string;
  /** When its first sample was taken, at most a day ago; now if not given. */
  startedAt?: string;
}

/** A test that is on its way. */
export interface TestView {
  /** What it is known by. */
  eventId: string;
}

/** Who sends media to whom. */
export type Topology = 'mesh';

/** Where a page has what its microphone hears written down by Amazon Transcribe. */
export interface TranscribeLine {
  /** Until when it opens one. A line that is open goes on. */
  expiresAt: string;
  /** A signed `wss://` address that opens one line, of sound with 16 bits and 16,000 samples a second. */
  url: string;
}

/** What is spoken, where Amazon Transcribe writes it down. */
export interface TranscribeRequest {
  /** A language with its region, as Amazon Transcribe names it. */
  language: string;
}

/** One sentence of a transcript. */
export interface TranscriptLine {
  /** What the speaker's client called it. */
  captionId: string;
  /** When all of it was there. */
  endedAt: string;
  /** What their app calls them; an account has none. */
  fromIdentity?: string;
  /** Who spoke. */
  fromUserId: string;
  /** The speaker's name. */
  fromUsername: string;
  /** In which language: a BCP 47 tag. */
  language: string;
  /** When it began. */
  startedAt: string;
  /** What was said. */
  text: string;
}

/** `updateSession`: at least one of its settings. */
export interface UpdateSession {
  /** Whether nobody but hosts and cohosts may join. */
  locked?: boolean;
  /** Another number of seats. Nobody loses theirs. */
  maxParticipants?: number;
  /** What the app keeps with it instead: at most 4096 bytes of UTF-8, an empty text for nothing. */
  metadata?: string;
  /** Another name. */
  name?: string;
  /** Whether whoever joins waits until a host or a cohost admits them. Whoever waits when that ends is admitted. */
  waitingRoom?: boolean;
}

/** An address by which one chunk is stored: `PUT` with the content type that is given beside it. Storing it again replaces it. */
export interface UploadUrl {
  /** The chunk's number. */
  seq: number;
  /** The presigned address. */
  url: string;
}

/** What a day, or a room, comes to. A stay is from a participant's first connection to the end of the seat, and counts on the day, in
UTC, on which it ended. */
export interface UsageGroup {
  /** Stays. */
  connections: number;
  /** The day. */
  day?: string;
  /** Minutes of all stays together, rounded up. */
  participantMinutes: number;
  /** Stays at the same time, at most. */
  peak: number;
  /** The room's name, or the session's identifier where it has none. */
  room?: string;
  /** Sessions in which there were stays. */
  sessions: number;
  /** Bytes that a TURN server relayed, from clients and to them, of allocations that began on that day; 0 where its log is not fed in. */
  turnBytes: number;
  /** The same in GB of 1,000,000,000 bytes. */
  turnGb: number;
}

/** What a project used. */
export interface Usage {
  /** Stays are meant that ended from then on. */
  from: string;
  /** By day, in their order, or by room, those with the most minutes first, at most 1,000. */
  groups: UsageGroup[];
  /** How many more rooms there are. */
  leftOut?: number;
  /** And before then. */
  to: string;
}

/** Who can find a session. */
export type Visibility = 'public' | 'unlisted';

/** What is to be different about an endpoint. */
export interface WebhookChange {
  /** What its owner says of it. */
  description?: string;
  /** Whether it is told nothing. What happens meanwhile is not kept for it, but can be told by a replay. */
  disabled?: boolean;
  /** What it is told; `["*"]` stands for everything. */
  types?: string[];
  /** Where it is. */
  url?: string;
}

/** Whom an event is about. */
export interface WebhookData {
  /** How long it lasted, in whole seconds, rounded: a stay since it joined, a session since it was created. */
  durationSeconds?: number;
  /** The chat message, where it is about one; not its text. */
  message?: WebhookMessage;
  /** Whoever it happened to, unless it is the session. */
  participant?: WebhookParticipant;
  /** Why, where something is over. */
  reason?: ReasonView;
  /** The recording, where it is about one. */
  recording?: WebhookRecording;
  /** The session, where it is about one. */
  session?: WebhookSession;
  /** The endpoint, where it is about one: `webhook.test`, `webhook.disabled`. */
  webhook?: NamedWebhook;
}

/** One try to tell an endpoint of something. */
export interface WebhookDelivery {
  /** When it was tried. */
  at: string;
  /** Which try it was, from 1 on. */
  attempt: number;
  /** Of what. */
  eventId: string;
  /** Why there was none. */
  failure: string | null;
  /** What came of it: `delivered`, `retrying`, `gaveUp` or `disabled`. */
  outcome: string;
  /** The status of the answer, if there was one. */
  status: number | null;
  /** How long it took, in milliseconds. */
  tookMs: number;
  /** The type of that. */
  type: string;
}

/** What is signed and posted. */
export interface WebhookEvent {
  /** To whom. */
  data: WebhookData;
  /** The same at every try, and the header `webhook-id`: what was seen before is dropped by it. */
  id: string;
  /** The project of the session. */
  projectId: string;
  /** The place among the events of one session: decimal digits, to be compared as numbers. */
  sequence: string;
  /** When. */
  timestamp: string;
  /** What happened: `participant.joined`, say. */
  type: string;
}

/** A chat message, as an event names it. */
export interface WebhookMessage {
  /** Its identifier; what was written is in `GET /api/session/{sessionId}/messages`. */
  messageId: string;
}

/** A stay, or somebody's waiting for one, as an event names it. */
export interface WebhookParticipant {
  /** When the first connection joined. */
  connectedAt?: string;
  /** What their app calls them; an account has none. */
  identity?: string;
  /** When the seat was taken. */
  joinedAt?: string;
  /** Their role; of a stay. */
  role?: Role;
  /** One stay, from the taking of a seat to its end: `joined` and `left` of one stay have the same. */
  stayId?: string;
  /** Who. */
  userId: string;
  /** Their name. */
  username: string;
  /** Since when they wait, or waited, to be admitted. `waiting` and what became of it have the same. */
  waitingSince?: string;
}

/** A recording, as an event of a webhook names it. */
export interface WebhookRecording {
  /** The size of its files. */
  bytes?: number;
  /** How long it lasted, gaps included, in milliseconds. */
  durationMs?: number;
  /** Why no file could be made of it. */
  error?: string;
  /** How many stretches are missing. */
  gaps?: number;
  /** What. */
  kind: RecordingKind;
  /** Its identifier; its files are in `GET /api/recordings/{recordingId}`. */
  recordingId: string;
  /** When its first sample was taken. */
  startedAt: string;
  /** How far it is. */
  status: RecordingStatus;
}

/** What an endpoint is to be told again: everything that is kept, or from a time or a place on. */
export interface WebhookReplay {
  /** What follows there: `next` of an earlier answer. */
  after?: string;
  /** At most so many; 100 if not given. */
  limit?: number;
  /** What was noted then or later; not together with `after`. */
  since?: string;
  /** Of these types. */
  types?: string[];
}

/** A session, as an event names it. */
export interface WebhookSession {
  /** When it was created. */
  createdAt?: string;
  /** Whether it is locked, where it is the session itself that something happened to. */
  locked?: boolean;
  /** Its number of seats, where it is the session itself that something happened to. */
  maxParticipants?: number;
  /** Its name; missing where the session was deleted before the event was made. */
  name?: string;
  /** The app's name of it, if it has one. */
  room?: string;
  /** Its identifier. */
  sessionId: string;
  /** Whether it has a waiting room, where it is the session itself that something happened to. */
  waitingRoom?: boolean;
}

/** An endpoint of webhooks. */
export interface WebhookView {
  /** When it was made. */
  createdAt: string;
  /** What its owner says of it. */
  description: string;
  /** Since when it is told nothing: by its owner, or by an answer of 410. */
  disabledAt: string | null;
  /** What messages to it are signed with. Shown when it is made or exchanged, and never again. */
  secret?: string;
  /** What it is told: names of types, or `*` for every one that there is and will be. */
  types: string[];
  /** Where it is. */
  url: string;
  /** Its identifier. */
  webhookId: string;
}

/** The answer to `updateAttributes` and `raiseHand`: what the participant says of themselves now. */
export interface AboutData {
  /** Attributes, by name. */
  attributes: Record<string, string>;
  /** Since when a hand is raised. */
  handRaisedAt: string | null;
  /** How often what is said of the participant was changed. */
  version: number;
}

/** `admitted`: somebody waits no longer, because they may join. */
export interface AdmittedData {
  /** What their app calls them; an account has none. */
  identity?: string;
  /** Who: the receiver, or somebody whom those who steer the session saw waiting. */
  userId: string;
  /** Their name. */
  username: string;
}

/** An answer. */
export interface Answer {
  /** The session description. */
  sdp: string;
  /** Always `answer`. */
  type: 'answer';
}

/** `answerRpc`, with a payload or an error. */
export interface AnswerRpc {
  /** Why there is none. */
  error?: RpcFailure;
  /** The result, at most 15 KiB of UTF-8. */
  payload?: string;
  /** The call. */
  rpcId: string;
  /** Who called. */
  targetUserId: string;
}

/** `receiveCaption`: what somebody says, by the speaker and what their client calls the sentence. One that is not final is replaced by
the next of its name; after the final one there is none. */
export interface Caption {
  /** What the speaker's client calls the sentence. */
  captionId: string;
  /** Whether that is all of it. */
  final: boolean;
  /** What their app calls them; an account has none. */
  fromIdentity?: string;
  /** Who speaks. */
  fromUserId: string;
  /** The speaker's name. */
  fromUsername: string;
  /** In which language: a BCP 47 tag. */
  language: string;
  /** When it began. */
  startedAt: string;
  /** What was said of it until now. */
  text: string;
}

/** `receiveData`. */
export interface DataReceived {
  /** The same for what is sent again, which a receiver drops. */
  dataId: string;
  /** What the app calls its user; an account has none. */
  fromIdentity?: string;
  /** Who sent it; nobody where the app itself did. */
  fromUserId?: string;
  /** The sender's name. */
  fromUsername?: string;
  /** What the sender put into it. */
  payload: string;
  /** What it is about. */
  topic: string;
}

/** Where a signal is. */
export type DeliveryView = 'sent' | 'queued';

/** Why somebody waits no longer who was not admitted. */
export type DenialView = 'denied' | 'left' | 'timeout';

/** `denied`: somebody waits no longer, and was not admitted. */
export interface DeniedData {
  /** What their app calls them; an account has none. */
  identity?: string;
  /** Why. */
  reason: DenialView;
  /** When they may knock again; for whoever was turned away. */
  until?: string;
  /** Who: the receiver, or somebody whom those who steer the session saw waiting. */
  userId: string;
  /** Their name. */
  username: string;
}

/** Why somebody left. */
export type LeaveReason = 'left' | 'timeout' | 'removed';

/** Why a session ended. */
export type EndReason = 'ended' | 'empty' | 'maxDuration' | 'creatorDeleted';

/** Why a frame was refused. */
export interface ErrorData {
  /** The stable name. */
  code: string;
  /** For people. */
  message: string;
}

/** `joinSession`: must come first. */
export interface JoinSession {
  /** The session, which must be the ticket's. */
  sessionId: string;
  /** The `timestamp` of the last event seen, or `joinedAt`: what came after it is sent again. */
  since?: string;
}

/** The answer to `joinSession`. */
export interface JoinAck {
  /** How often to send `ping`. */
  heartbeatSeconds: number;
  /** Whether nothing was missed since `since`. */
  recovered: boolean;
  /** The session as it is now. */
  session: SessionDetail;
}

/** The answer to `sendMessage`. */
export interface MessageAck {
  /** The message's identifier. */
  messageId: string;
}

/** `receiveMessage`. */
export interface MessageData {
  /** What its writer's client calls it, if it gave it a name. */
  clientMessageId?: string;
  /** What their app calls them; an account has none. */
  fromIdentity?: string;
  /** Who wrote it. */
  fromUserId: string;
  /** The writer's name. */
  fromUsername: string;
  /** The text. */
  message: string;
  /** Its identifier. */
  messageId: string;
}

/** `muteParticipant`: asks one participant, or all but the caller, the hosts and some. */
export interface MuteParticipant {
  /** Everybody's; instead of `targetUserId`. */
  all?: boolean;
  /** But not theirs; with `all`. */
  except?: string[];
  /** Which track. */
  kind: MediaKind;
  /** Whose track. */
  targetUserId?: string;
}

/** `muteRequested`: somebody who steers the session asks for a track to be switched off. */
export interface MuteRequestedData {
  /** Who asks; nobody where the app itself does. */
  byUserId?: string;
  /** Which track. */
  kind: MediaKind;
}

/** The answer to actions that have nothing to say. */
export type Nothing2 = Record<string, never>;

/** An offer. */
export interface Offer {
  /** The session description. */
  sdp: string;
  /** Always `offer`. */
  type: 'offer';
}

/** `participantUpdated`, and the answer to `updateParticipant`. */
export interface ParticipantUpdatedData {
  /** What they say of themselves, all of it; absent where that is not what changed. */
  attributes?: Record<string, string>;
  /** Since when a hand is raised, null where none is; absent where that is not what changed. */
  handRaisedAt?: string;
  /** What their app calls them; an account has none. */
  identity?: string;
  /** What the app keeps with them, an empty text for nothing; there where `attributes` are. */
  metadata?: string;
  /** What they may do. */
  permissions: Permissions;
  /** Their part in the session. */
  role: Role;
  /** Who. */
  userId: string;
  /** Their name. */
  username: string;
  /** How often those three were changed: whoever knows of a greater one drops this. There where `attributes` are. */
  version?: number;
}

/** `participantWaiting`: somebody waits to be admitted. */
export interface ParticipantWaitingData {
  /** What their app calls them; an account has none. */
  identity?: string;
  /** Who. */
  userId: string;
  /** Their name. */
  username: string;
  /** Since when they wait. */
  waitingSince: string;
}

/** `raiseHand`. */
export interface RaiseHand {
  /** Whether it is raised, or lowered. */
  raised: boolean;
}

/** `receiveAnswer`. */
export interface ReceiveAnswer {
  /** The session description. */
  answer: Answer;
  /** One run of the sending client. */
  epoch?: string;
  /** What their app calls them; an account has none. */
  fromIdentity?: string;
  /** Who sent it. */
  fromUserId: string;
  /** The sender's name. */
  fromUsername: string;
  /** Counts 1, 2, 3... per target. */
  seq?: number;
  /** Unique, sorted by time. */
  signalId: string;
}

/** `receiveIceCandidate`. */
export interface ReceiveIceCandidate {
  /** Always a list. */
  candidates: RTCIceCandidateInit[];
  /** One run of the sending client. */
  epoch?: string;
  /** What their app calls them; an account has none. */
  fromIdentity?: string;
  /** Who sent it. */
  fromUserId: string;
  /** The sender's name. */
  fromUsername: string;
  /** Counts 1, 2, 3... per target. */
  seq?: number;
  /** Unique, sorted by time. */
  signalId: string;
}

/** `receiveOffer`. */
export interface ReceiveOffer {
  /** One run of the sending client. */
  epoch?: string;
  /** What their app calls them; an account has none. */
  fromIdentity?: string;
  /** Who sent it. */
  fromUserId: string;
  /** The sender's name. */
  fromUsername: string;
  /** The session description. */
  offer: Offer;
  /** Counts 1, 2, 3... per target. */
  seq?: number;
  /** Unique, sorted by time. */
  signalId: string;
}

/** `recordingReady`: the files of a recording are there, or cannot be made. */
export interface RecordingReadyData {
  /** The recording. */
  recordingId: string;
  /** `ready` or `failed`. */
  status: RecordingStatus;
  /** Who recorded themselves. */
  userId: string;
}

/** `recordingRequested`: everybody is asked to record themselves, or not to any more. Each of them may refuse. */
export interface RecordingRequestedData {
  /** Who asks; nobody where the app itself does. */
  byUserId?: string;
  /** Their name. */
  byUsername?: string;
  /** Whether they are to record. */
  recording: boolean;
  /** How often that was asked. Two can overtake each other: the one with the larger number counts. */
  request: number;
  /** The session. */
  sessionId: string;
}

/** `recordingStarted`: somebody records themselves. */
export interface RecordingStartedData {
  /** What the app calls its user; an account has none. */
  identity?: string;
  /** What. */
  kind: RecordingKind;
  /** The recording. */
  recordingId: string;
  /** Who. */
  userId: string;
  /** Their name. */
  username: string;
}

/** `recordingStopped`: somebody does not record themselves any more. */
export interface RecordingStoppedData {
  /** The recording. */
  recordingId: string;
  /** Who. */
  userId: string;
}

/** Whether somebody who was removed may come back. */
export type RemovalReason = 'removed' | 'banned';

/** The answer to `removeParticipant`. */
export interface RemoveAck {
  /** When they may come back, if they are banned. */
  bannedUntil?: string;
}

/** `removeParticipant`. */
export interface RemoveParticipant {
  /** For how long they are kept out, in seconds; 0 takes nobody out, and lifts a ban. */
  banSeconds?: number;
  /** Who; with a ban also somebody who is not here. */
  targetUserId: string;
}

/** `removed`: the receiver was taken out of the session, and is disconnected. */
export interface RemovedData {
  /** When they may, if they are banned. */
  bannedUntil?: string;
  /** Whether they may come back. */
  reason: RemovalReason;
}

/** `receiveRpcAnswer`: the answer to a call. */
export interface RpcAnswerReceived {
  /** Why there is none. */
  error?: RpcErrorView;
  /** What the app calls its user; an account has none. */
  fromIdentity?: string;
  /** Who answers. */
  fromUserId: string;
  /** Their name. */
  fromUsername: string;
  /** The result, unless there is an `error`. */
  payload?: string;
  /** The call. */
  rpcId: string;
}

/** Why a call has no result. */
export interface RpcErrorView {
  /** A number of LiveKit's, or the app's own. */
  code: number;
  /** Whatever else the app says. */
  data?: string;
  /** For people. */
  message: string;
}

/** Why a call has no result. */
export interface RpcFailure {
  /** A number of LiveKit's, or the app's own. */
  code: number;
  /** Whatever else the app says, at most 15 KiB of UTF-8. */
  data?: string;
  /** For people. */
  message: string;
}

/** `receiveRpc`: somebody calls a procedure of this client. */
export interface RpcReceived {
  /** What the app calls its user; an account has none. */
  fromIdentity?: string;
  /** Who calls. */
  fromUserId: string;
  /** The caller's name. */
  fromUsername: string;
  /** The procedure. */
  method: string;
  /** What the caller put into it. */
  payload: string;
  /** The call; a call of the same id by the same caller is the same, told again. */
  rpcId: string;
  /** How long the caller waits for the answer. */
  timeoutMs: number;
}

/** `sendAnswer`. */
export interface SendAnswer {
  /** The session description. */
  answer: Answer;
  /** One run of the sending client. */
  epoch?: string;
  /** Counts 1, 2, 3... per target. */
  seq?: number;
  /** Whom it is for. */
  targetUserId: string;
}

/** `sendCaption`: what the sender's own microphone heard. */
export interface SendCaption {
  /** What the sender calls the sentence: a UUID say, for it must not come twice in 24 hours. */
  captionId: string;
  /** Whether that is all of it. Only then is it kept, for 24 hours, and only the first one of its name. */
  final: boolean;
  /** In which language: a BCP 47 tag. */
  language: string;
  /** When it began, by the server's clock: at most 10 minutes ago and 1 minute ahead. */
  startedAt: string;
  /** What was said of it until now, without control characters. */
  text: string;
}

/** `sendIceCandidate`: one candidate or a list of them, not both. */
export interface SendIceCandidate {
  /** One candidate. */
  candidate?: RTCIceCandidateInit;
  /** Several candidates. */
  candidates?: RTCIceCandidateInit[];
  /** One run of the sending client. */
  epoch?: string;
  /** Counts 1, 2, 3... per target. */
  seq?: number;
  /** Whom it is for. */
  targetUserId: string;
}

/** `sendMessage`. */
export interface SendMessage {
  /** What the client calls the message, unique per writer in a session: sent again under the same name, it is the same
message, with the same `messageId`. The first text is the one that counts. */
  clientMessageId?: string;
  /** The text. */
  message: string;
}

/** `sendOffer`. */
export interface SendOffer {
  /** One run of the sending client. */
  epoch?: string;
  /** The session description. */
  offer: Offer;
  /** Counts 1, 2, 3... per target. */
  seq?: number;
  /** Whom it is for. */
  targetUserId: string;
}

/** `sendRpc`. */
export interface SendRpc {
  /** The procedure. */
  method: string;
  /** What it is given, at most 15 KiB of UTF-8. */
  payload: string;
  /** What the caller calls this call; its answer carries it. */
  rpcId: string;
  /** Whose procedure. */
  targetUserId: string;
  /** How long the caller waits; 15,000 if not given. */
  timeoutMs?: number;
}

/** `sessionEnded`. */
export interface SessionEndedData {
  /** Why. */
  reason: EndReason;
}

/** `sessionUpdated`, and the answer to `updateSession`. */
export interface SessionUpdatedData {
  /** Whether nobody but hosts and cohosts may join. */
  locked: boolean;
  /** Its number of seats. */
  maxParticipants: number;
  /** What the app keeps with it, if that was changed; an empty text for nothing. */
  metadata?: string;
  /** The session's name. */
  name: string;
  /** How often its settings were changed. */
  version: number;
  /** Whether whoever joins waits until a host or a cohost admits them. */
  waitingRoom: boolean;
}

/** The answer to a signal. */
export interface SignalAck {
  /** Where the signal is. */
  delivery: DeliveryView;
  /** Its identifier. */
  signalId: string;
}

/** `sync`. */
export interface Sync {
  /** From when on events are wanted again. */
  since: string;
}

/** The answer to `sync`. */
export interface SyncAck {
  /** How many events were sent again. */
  replayed: number;
}

/** `admitParticipant` and `denyParticipant`. */
export interface Target {
  /** Who waits. */
  targetUserId: string;
}

/** `updateAttributes`. */
export interface UpdateAttributes {
  /** Attributes by name, 4 KiB together with those that are there; null takes one away. */
  attributes: Record<string, string | null>;
}

/** `updateParticipant`: what is to be changed about somebody. */
export interface UpdateParticipant {
  /** Attributes by name, 4 KiB together with those that are there; null takes one away. */
  attributes?: Record<string, string | null>;
  /** What the app keeps with them instead: at most 4096 bytes of UTF-8, an empty text for nothing. */
  metadata?: string;
  /** Single permissions, whatever the role says. */
  permissions?: PermissionsChange;
  /** The new role, with its permissions. */
  role?: Role;
  /** Who. */
  targetUserId: string;
  /** Another name, for as long as they stay. */
  username?: string;
}

/** `updateStatus`. */
export interface UpdateStatus {
  /** Whether the microphone is off. */
  isMuted: boolean;
  /** Whether the camera is on. */
  isVideoEnabled: boolean;
}

/** `userJoined`. */
export interface UserJoinedData {
  /** What their app calls them; an account has none. */
  identity?: string;
  /** Whether the microphone is off. */
  isMuted: boolean;
  /** Whether the camera is on. */
  isVideoEnabled: boolean;
  /** When they took their seat. */
  joinedAt: string;
  /** What they may do, where it is not what the role usually may. */
  permissions?: Permissions;
  /** Their part in the session. */
  role: Role;
  /** Who. */
  userId: string;
  /** Their name. */
  username: string;
}

/** `userLeft`. */
export interface UserLeftData {
  /** What their app calls them; an account has none. */
  identity?: string;
  /** Why. */
  reason: LeaveReason;
  /** Who. */
  userId: string;
  /** Their name. */
  username: string;
}

/** `userStatusUpdated`. */
export interface UserStatusData {
  /** What their app calls them; an account has none. */
  identity?: string;
  /** Whether the microphone is off. */
  isMuted: boolean;
  /** Whether the camera is on. */
  isVideoEnabled: boolean;
  /** Whether their connection is there. */
  status: ParticipantStatus;
  /** Who. */
  userId: string;
  /** Their name. */
  username: string;
}

/** What each event of the server carries, by its name on the wire. */
export interface ServerEvents {
  admitted: AdmittedData;
  denied: DeniedData;
  muteRequested: MuteRequestedData;
  participantUpdated: ParticipantUpdatedData;
  participantWaiting: ParticipantWaitingData;
  receiveAnswer: ReceiveAnswer;
  receiveCaption: Caption;
  receiveData: DataReceived;
  receiveIceCandidate: ReceiveIceCandidate;
  receiveMessage: MessageData;
  receiveOffer: ReceiveOffer;
  receiveRpc: RpcReceived;
  receiveRpcAnswer: RpcAnswerReceived;
  recordingReady: RecordingReadyData;
  recordingRequested: RecordingRequestedData;
  recordingStarted: RecordingStartedData;
  recordingStopped: RecordingStoppedData;
  removed: RemovedData;
  replaced: Nothing2;
  sessionEnded: SessionEndedData;
  sessionUpdated: SessionUpdatedData;
  userJoined: UserJoinedData;
  userLeft: UserLeftData;
  userStatusUpdated: UserStatusData;
}
