import type { TunRTCError } from './errors.ts';
import type { DeviceKind, DeviceLoss, Devices, LocalStatus } from './media/local.ts';
import type { PeerState, StreamKind } from './media/peer.ts';
import type { QualityLevel } from './media/quality.ts';
import type { Speaker } from './media/speakers.ts';
import type { MediaStream, RTCDataChannel } from './platform.ts';
import type { ConnectionState } from './signaling/link-state.ts';
import type {
  AdmittedData,
  Caption,
  ChatMessage,
  DataReceived,
  DeniedData,
  EndReason,
  LeaveReason,
  MuteRequestedData,
  Participant,
  ParticipantUpdatedData,
  ParticipantWaitingData,
  RemovedData,
  RpcAnswerReceived,
  RpcReceived,
  SessionDetail,
  SessionUpdatedData,
} from './wire.ts';

/** What the client tells, by name. */
export interface TunRTCEvents {
  /** Somebody came in. Those who were there before are in `participants`. */
  userJoined: Participant;
  /** Somebody is gone for good: left, removed, or not back in time. */
  userLeft: { userId: string; username: string; reason: LeaveReason };
  /** Somebody was muted, turned the camera off, lost or regained the connection, or has another role. */
  userStatusUpdated: Participant;
  /** A chat message, one's own too; each comes once. */
  message: ChatMessage;
  /** Show this: the own camera and microphone, or the own screen. */
  localStream: { stream: MediaStream; kind: StreamKind };
  /** Show this no longer: the session is left, or the screen no longer shared, by the browser's own button too. */
  localStreamRemoved: { stream: MediaStream; kind: StreamKind };
  /** The own microphone, camera or screen was turned on or off, by whatever it was. */
  localStatusChanged: LocalStatus;
  /** The own camera or microphone stopped by itself. It is off now; the others were told. It is taken again when it comes back. */
  deviceLost: DeviceLoss;
  /** Devices came or went; these are there now. */
  devicesChanged: Devices;
  /** Camera and microphone were asked for and this one is not there: the session is joined with the other alone. */
  mediaFallback: { missing: DeviceKind; error: TunRTCError };
  /**
   * The own camera was turned off, or left off by a join: so many people show video, and no more can in a call. It can be turned
   * on again when one of them has stopped.
   */
  videoLimited: { limit: number };
  /** Show this: somebody's camera and microphone, or screen. */
  remoteStream: { userId: string; username: string; stream: MediaStream; kind: StreamKind };
  /** Show this no longer. Comes once for every `remoteStream`, before `userLeft`, and also when this client leaves. */
  remoteStreamRemoved: { userId: string; stream: MediaStream };
  /** Somebody opened a data channel. */
  dataChannel: { userId: string; channel: RTCDataChannel };
  /** The signaling connection. `recovered: false` in `connected`: something may have been missed, and was fetched anew. */
  connectionStateChanged: ConnectionState;
  /** The media connection to one participant. */
  peerStateChanged: { userId: string; state: PeerState };
  /** Who speaks, this participant too, the loudest first; empty when nobody does. */
  activeSpeakersChanged: { speakers: Speaker[] };
  /** How well the connection to one participant works: how a voice sounds over it. */
  connectionQualityChanged: { userId: string; quality: Exclude<QualityLevel, 'unknown'> };
  /** Somebody's role or permissions changed; one's own too. What they may not send any more is dropped. */
  participantUpdated: ParticipantUpdatedData;
  /** Data of somebody's, or of the app's backend; `SessionData` of `tunrtc-client/data` sorts it by topic, and drops what comes twice. */
  receiveData: DataReceived;
  /** Somebody calls a procedure of this client; `SessionData` answers. */
  receiveRpc: RpcReceived;
  /** The answer to a call of this client's. */
  receiveRpcAnswer: RpcAnswerReceived;
  /** What somebody says, oneself too; `Captions` of `tunrtc-client/captions` puts it together, and drops what comes twice. */
  receiveCaption: Caption;
  /** Somebody records themselves from now on, oneself too; `whoRecords` of `tunrtc-client/recording` keeps count. */
  recordingStarted: { recordingId: string; userId: string; username: string; kind: 'participant' | 'audio' | 'screen' };
  /** Somebody records themselves no longer; what is on their device may still be on its way. */
  recordingStopped: { recordingId: string; userId: string };
  /** The server has made the files of a recording, or could not. */
  recordingReady: { recordingId: string; userId: string; status: 'ready' | 'failed' };
  /** Somebody who steers the session asks everybody to record themselves, or to stop. The app decides, and asks its user first. */
  recordingRequested: { sessionId: string; recording: boolean; request: number; byUserId?: string; byUsername?: string };
  /** The session's name, number of seats, lock or waiting room changed. */
  sessionUpdated: SessionUpdatedData;
  /** Somebody who steers the session had this track switched off. */
  muteRequested: MuteRequestedData;
  /** `joinSession` waits until somebody who steers the session lets this participant in; it rejects with `denied` if nobody does. */
  waiting: SessionDetail;
  /** For those who steer the session: somebody waits to be let in. */
  participantWaiting: ParticipantWaitingData;
  /** For those who steer the session: somebody waits no more, because they were let in. */
  admitted: AdmittedData;
  /** For those who steer the session: somebody waits no more, and was not let in; the reason says why. */
  denied: DeniedData;
  /** Somebody who steers the session took this participant out of it. The connection ends. */
  removed: RemovedData;
  /** The session is over for everybody. */
  sessionEnded: { reason: EndReason };
  /** Something failed that nobody was waiting for. */
  error: TunRTCError;
}

/** Hands an event on to the page. */
export type Tell = <Name extends keyof TunRTCEvents>(name: Name, data: TunRTCEvents[Name]) => void;
