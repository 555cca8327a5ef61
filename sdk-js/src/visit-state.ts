/**
 * How a visit to a session stands, from `joinSession` to the seat given back, and what each happening makes of that.
 * docs/CLIENT.md draws it.
 * @module
 */

export type VisitState =
  /** Devices are asked for, and an earlier visit gives its seat back. */
  | 'preparing'
  /** The server was asked for a seat. */
  | 'seating'
  /** There is a seat; signaling connects. */
  | 'connecting'
  | 'inside'
  /** Left while the server was being asked: its answer tells whether there is a seat to give back. */
  | 'unseating'
  /** The seat is being given back. */
  | 'leaving'
  | 'over';

export type VisitEvent =
  | 'prepared'
  | 'seated'
  /** The server gives no seat. */
  | 'refused'
  | 'connected'
  /** It did not work, and there may be a seat all the same. */
  | 'failed'
  /** The server, or another connection of the same user, ended it: there is no seat of ours to give back. */
  | 'ended'
  | 'leave'
  /** The page goes away: nothing can be waited for. */
  | 'vanish'
  /** The seat is given back, as far as that was possible. */
  | 'returned';

export const TRANSITIONS: Readonly<Record<VisitState, Readonly<Partial<Record<VisitEvent, VisitState>>>>> = {
  preparing: { prepared: 'seating', failed: 'over', leave: 'over', vanish: 'over' },
  seating: { seated: 'connecting', refused: 'over', failed: 'leaving', leave: 'unseating', vanish: 'over' },
  connecting: { connected: 'inside', failed: 'leaving', ended: 'over', leave: 'leaving', vanish: 'over' },
  inside: { ended: 'over', leave: 'leaving', vanish: 'over' },
  unseating: { seated: 'leaving', refused: 'over', failed: 'leaving', vanish: 'over' },
  leaving: { returned: 'over', vanish: 'over' },
  over: {},
};

/** The state after an event; the same where the event means nothing any more. */
export function transition(state: VisitState, event: VisitEvent): VisitState {
  return TRANSITIONS[state][event] ?? state;
}

/** Whether the server may hold a seat for a visit in this state. */
export function mayHoldSeat(state: VisitState): boolean {
  return state !== 'preparing' && state !== 'over';
}
