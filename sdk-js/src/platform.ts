/**
 * The platform's types under their own names where the program knows them, else as little as is needed: the
 * declarations of this package stand without the DOM library too, as those of Node do. What is part of the package's
 * outside takes them from here.
 * @module
 */

/** What a global constructor makes; `unknown` where there is none. */
type Made<Name extends string> = typeof globalThis extends { [Key in Name]: { prototype: infer Type } } ? Type : unknown;

export type HTMLVideoElement = Made<'HTMLVideoElement'>;
export type MediaDeviceInfo = Made<'MediaDeviceInfo'>;
export type MediaDevices = Made<'MediaDevices'>;
export type MediaStream = Made<'MediaStream'>;
export type MediaStreamTrack = Made<'MediaStreamTrack'>;
export type Response = Made<'Response'>;
export type RTCDataChannel = Made<'RTCDataChannel'>;
export type RTCPeerConnection = Made<'RTCPeerConnection'>;

export type RequestInit = typeof globalThis extends { fetch(input: never, init?: infer Init): unknown } ? NonNullable<Init> : unknown;

export type RTCConfiguration = typeof globalThis extends { RTCPeerConnection: new (configuration?: infer Configuration) => unknown }
  ? NonNullable<Configuration>
  : unknown;

export type RTCDataChannelInit = RTCPeerConnection extends { createDataChannel(label: string, init?: infer Init): unknown }
  ? NonNullable<Init>
  : unknown;

export type MediaTrackConstraints = MediaStreamTrack extends { applyConstraints(constraints?: infer Constraints): unknown }
  ? NonNullable<Constraints>
  : unknown;
