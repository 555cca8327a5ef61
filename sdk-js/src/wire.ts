/**
 * What goes over the wire: the types of the server's own documents, and what follows from them.
 * @module
 */
import type { Answer, ErrorData, Offer, ReceiveAnswer, ServerEvents } from './generated.ts';

export type * from './generated.ts';

/** What a signal carries: exactly one of an offer, an answer or candidates. */
export type SignalBody = { offer: Offer } | { answer: Answer } | { candidates: RTCIceCandidateInit[] };

/** Who sent a signal, and its place in the sender's order. */
export type SignalOrigin = Omit<ReceiveAnswer, 'answer'>;

/** A signal as its target receives it. */
export type Signal = SignalOrigin & SignalBody;

/** A signal with the time at which the server took it. */
export type ReceivedSignal = Signal & { timestamp: string };

/** An event frame; which data it carries follows from its `event`. */
export type EventFrame = {
  [Name in keyof ServerEvents]: { event: Name; timestamp: string; data: ServerEvents[Name] };
}[keyof ServerEvents];

/** The answer to a client's frame. */
export type AnswerFrame =
  | { event: 'ack'; id?: string; timestamp: string; data: unknown }
  | { event: 'error'; id?: string; timestamp: string; data: ErrorData };

/** Everything that the server sends. */
export type ServerFrame = EventFrame | AnswerFrame;
