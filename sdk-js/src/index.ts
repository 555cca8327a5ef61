/**
 * TunRTC's client: a video call in fifteen lines, that survives real networks.
 * @module
 */
export { TunRTCClient } from './client.ts';
export type { Actions, Moderation, Participation, SessionOptions, SignalingStatistics, TunRTCEvents, TunRTCOptions } from './client.ts';
export type { Listener } from './emitter.ts';
export { Emitter } from './emitter.ts';
export type { ChannelLike, Environment, SocketLike, Timer, TokenStorage } from './environment.ts';
export { TunRTCError } from './errors.ts';
export type { ClientErrorCode, ErrorCode, ErrorDetails, ServerErrorCode } from './errors.ts';
export { Api } from './rest/api.ts';
export type { GetToken } from './rest/app.ts';
export type { Page, PageOptions } from './rest/api.ts';
export type { Capture, DeviceKind, DeviceLoss, DeviceLossReason, Devices, LocalStatus } from './media/local.ts';
export type { PeerState, StreamKind } from './media/peer.ts';
export type { Limitation } from './media/policy.ts';
export type { PeerQuality, QualityLevel } from './media/quality.ts';
export type { Speaker } from './media/speakers.ts';
export type { ConnectionState } from './signaling/signaling.ts';
export { IDLE, Snapshot } from './snapshot.ts';
export type { SnapshotParts, StreamView } from './snapshot.ts';
export type {
  Account,
  Admission,
  AdmittedData,
  AnswerRpc,
  Auth,
  CallAudio,
  CallCandidate,
  CallClient,
  CallDevice,
  CallEvent,
  CallEventKind,
  CallJoin,
  CallLimit,
  CallOutcome,
  CallPeer,
  CallReport,
  CallSummary,
  CallTransport,
  CallVideo,
  ChatMessage,
  DataReceived,
  DenialView,
  DeniedData,
  EndReason,
  FieldError,
  Health,
  IceServer,
  IceServers,
  Joined,
  LeaveReason,
  Media,
  MediaKind,
  MuteParticipant,
  MuteRequestedData,
  NewSession,
  Participant,
  ParticipantStatus,
  ParticipantUpdatedData,
  ParticipantWaitingData,
  Permissions,
  PermissionsChange,
  Problem,
  QualityView,
  RaiseHand,
  RemovalReason,
  RemoveParticipant,
  RemovedData,
  Role,
  RpcAnswerReceived,
  RpcErrorView,
  RpcFailure,
  RpcReceived,
  SendCaption,
  SendData,
  SendRpc,
  Session,
  SessionDetail,
  SessionStatus,
  SessionType,
  SessionTypeInput,
  SessionUpdatedData,
  SignalingTicket,
  Topology,
  UpdateAttributes,
  UpdateParticipant,
  UpdateSession,
  Visibility,
} from './wire.ts';
