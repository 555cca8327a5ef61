import type { Media } from '../wire.ts';

/** Servers that keep the quality of calls ask for it. */
export type MeasuredMedia = Media & { quality?: { everySeconds: number } };

/** What one client saw in one minute. */
export interface Report {
  minute: string;
  run: string;
  scoreVersion: 1;
  final?: boolean;
  score?: number;
  summary: Summary;
  client?: ClientReport;
  join?: JoinSteps;
  events?: ReportEvent[];
  peers?: PeerReport[];
}

/** Of a whole run so far. */
export interface Summary {
  startedAt?: string;
  minutes?: number;
  score?: number;
  worstScore?: number;
  audioMos?: number;
  joinMs?: number;
  mediaMs?: number;
  outcome?: 'connected' | 'alone' | 'failed';
  failure?: string;
  relayed?: boolean;
  reconnects?: number;
  iceRestarts?: number;
  freezes?: number;
  freezeMs?: number;
}

export interface ClientReport {
  browser?: string;
  os?: string;
  device?: 'desktop' | 'phone' | 'tablet' | 'other';
  sdk?: string;
}

export interface JoinSteps {
  tokenMs?: number;
  answerMs?: number;
  socketMs?: number;
  joinedMs?: number;
  mediaMs?: number;
}

export interface ReportEvent {
  at: string;
  kind:
    | 'joined' | 'left' | 'reconnecting' | 'reconnected' | 'muted' | 'unmuted' | 'cameraOff' | 'cameraOn' | 'screenOn' | 'screenOff'
    | 'iceRestart' | 'deviceChanged' | 'hidden' | 'visible' | 'limited';
  detail?: string;
}

export interface PeerReport {
  userId: string;
  score?: number;
  candidate?: 'host' | 'srflx' | 'prflx' | 'relay';
  protocol?: 'udp' | 'tcp' | 'tls';
  rttMs?: number;
  availableKbps?: number;
  audio?: { mos?: number; jitterMs?: number; lossPercent?: number; concealedPercent?: number; inKbps?: number; outKbps?: number; codec?: string };
  video?: {
    fps?: number;
    width?: number;
    height?: number;
    freezes?: number;
    freezeMs?: number;
    lossPercent?: number;
    inKbps?: number;
    outKbps?: number;
    codec?: string;
    limitedBy?: 'none' | 'bandwidth' | 'cpu' | 'other';
  };
}
