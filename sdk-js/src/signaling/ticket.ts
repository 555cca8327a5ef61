/**
 * What an admission tells of the server's clock.
 * @module
 */
import type { Joined, SignalingTicket } from '../wire.ts';

/** How long a ticket lives. */
const TICKET_MS = 60_000;

/** When a ticket was made, in milliseconds by the server's clock, or up to a second before: its end is rounded down. */
export function madeAt({ expiresAt }: SignalingTicket): number {
  return Date.parse(expiresAt) - TICKET_MS;
}

/**
 * When a membership began: with its seat, or, where that was held already, say by a page that was reloaded, with its
 * ticket. By the server's clock, and not too late.
 */
export function begunAt({ participants, signaling }: Pick<Joined, 'participants' | 'signaling'>, userId: string): string {
  const seatedAt = participants.find((participant) => participant.userId === userId)?.joinedAt ?? '';
  const admittedAt = new Date(madeAt(signaling) || 0).toISOString();
  return seatedAt > admittedAt ? seatedAt : admittedAt;
}
