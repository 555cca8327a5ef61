/**
 * What the server says of recordings.
 * @module
 */

/** What is recorded: camera and microphone, the microphone alone, or the shared screen. */
export type RecordingKind = 'participant' | 'audio' | 'screen';

/** `active`: it is being recorded or uploaded. `composing`: the server makes the files. */
export type RecordingStatus = 'active' | 'composing' | 'ready' | 'failed';

/** A presigned URL that takes one piece. */
export interface UploadUrl {
  seq: number;
  url: string;
}

/** The answer to the start of a recording. */
export interface RecordingStarted {
  recordingId: string;
  /** A piece is so long, in seconds. */
  chunkSeconds: number;
  /** And at most so large. */
  maxChunkBytes: number;
  uploads: UploadUrl[];
  /** Until when the URLs are good. */
  expiresAt: string;
  serverTime: string;
}

/** Where the next pieces go, and what is there. */
export interface RecordingUploads {
  uploads: UploadUrl[];
  /** Pieces that arrived, as ranges with both ends. */
  have: [from: number, to: number][];
  /** Pieces that were refused, and deleted. */
  refused: { seq: number; reason: string }[];
  expiresAt: string;
}

/** One file of a recording. */
export interface RecordingFile {
  /** Presigned; takes ranges. */
  url: string;
  mimeType: string;
  /** When its first moment was, by the server's clock. */
  startedAt: string;
  durationMs: number;
  bytes: number;
}

/** A part of a recording that is not there, in milliseconds from its start. */
export interface RecordingGap {
  fromMs: number;
  toMs: number;
}

/** A recording, as the server knows it. */
export interface RecordingDetail {
  recordingId: string;
  sessionId: string;
  userId: string;
  username: string;
  identity?: string;
  kind: RecordingKind;
  mimeType: string;
  status: RecordingStatus;
  startedAt: string;
  endedAt?: string;
  durationMs?: number;
  bytes?: number;
  gaps: RecordingGap[];
  files: RecordingFile[];
  /** The first file's. */
  url?: string;
  /** Until when the URLs are good; ask again for fresh ones. */
  expiresAt?: string;
  /** Until when the recording is kept. */
  keptUntil: string;
  /** Why there is no file. */
  error?: string;
}
