/**
 * How many people show video in a mesh: each of them sends to every other one.
 * @module
 */
import type { Joined, Participant } from '../wire.ts';

/** Those who show video. Of one who has not connected yet nothing is known; what is said of them is a guess. */
function showing(others: Iterable<Participant>): Participant[] {
  return [...others].filter(({ status, isVideoEnabled }) => isVideoEnabled && status !== 'disconnected');
}

/** The limit, where as many of the others show video already; servers before this have none. */
export function fullAt({ media, participants }: Pick<Joined, 'participants'> & Partial<Joined>, userId: string): number | undefined {
  const limit = media?.limit;
  const others = participants.filter((participant) => participant.userId !== userId);
  return limit !== undefined && showing(others).length >= limit ? limit : undefined;
}

/** Whether as many who show video were in the session before: when several come at one moment, everybody comes to the same by this. */
export function mustYield(own: Pick<Participant, 'userId' | 'joinedAt'>, others: Iterable<Participant>, limit: number): boolean {
  const orderOf = ({ joinedAt, userId }: Pick<Participant, 'userId' | 'joinedAt'>) => `${joinedAt} ${userId}`;
  return showing(others).filter((other) => orderOf(other) < orderOf(own)).length >= limit;
}
