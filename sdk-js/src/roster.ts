import type { Participant, ParticipantUpdatedData, UserStatusData } from './wire.ts';

/**
 * What a frame about somebody is worth: news; older than what is known; or in doubt, because lists and frames are made at
 * the same time on the server, and only asking it tells.
 */
export type Judgement = 'news' | 'old' | 'doubtful';

/** A complete list, compared with what was known. */
export interface Comparison {
  present: Participant[];
  joined: Participant[];
  updated: Participant[];
  left: Participant[];
}

/** Who else is in the session, by frames that may come late and in any order: the server's timestamps decide. */
export class Roster {
  readonly #members = new Map<string, Participant>();
  /** The time of the newest that is known of somebody; also of those who are gone. */
  readonly #known = new Map<string, string>();
  /** The time of the last complete list. */
  #listedAt = '';

  get members(): ReadonlyMap<string, Participant> {
    return this.#members;
  }

  /** Takes a complete list. It says nothing about those of whom something newer is known. */
  list(participants: Participant[], at: string): Comparison {
    const listed = new Map(participants.map((participant) => [participant.userId, participant]));
    const { joined, updated, left }: Omit<Comparison, 'present'> = { joined: [], updated: [], left: [] };
    this.#listedAt = at;
    for (const participant of participants) {
      if (this.#isKnownSince(participant.userId, at)) continue;
      const known = this.#set(participant, at);
      if (!known) joined.push(participant);
      else if (!sameStatus(known, participant)) updated.push(participant);
    }
    for (const [userId, participant] of this.#members) {
      if (listed.has(userId) || this.#isKnownSince(userId, at)) continue;
      this.#delete(userId, at);
      left.push(participant);
    }
    return { present: [...this.#members.values()], joined, updated, left };
  }

  joined(participant: Participant, at: string): Judgement {
    const { userId } = participant;
    if (this.#isKnownSince(userId, at)) return 'old';
    if (!this.#members.has(userId) && at < this.#listedAt) return 'doubtful';
    this.#set(participant, at);
    return 'news';
  }

  left(userId: string, at: string): Judgement {
    const isMember = this.#members.has(userId);
    if (this.#isKnownSince(userId, at)) return isMember ? 'doubtful' : 'old';
    this.#delete(userId, at);
    return isMember ? 'news' : 'old';
  }

  updated(status: UserStatusData | ParticipantUpdatedData, at: string): Judgement {
    const known = this.#members.get(status.userId);
    if (!known) return this.signalled(status.userId, at);
    const participant = { ...known, ...status };
    if (this.#isKnownSince(status.userId, at)) {
      // The list may have been made before this status was written, or after.
      return this.#known.get(status.userId) === this.#listedAt && !sameStatus(known, participant) ? 'doubtful' : 'old';
    }
    this.#set(participant, at);
    return 'news';
  }

  /** Somebody sent something. Of a member that is nothing new; of anybody else it is late, or early. */
  signalled(userId: string, at: string): Judgement {
    if (this.#members.has(userId)) return 'news';
    return at < this.#listedAt || at <= (this.#known.get(userId) ?? '') ? 'old' : 'doubtful';
  }

  /** What the server said of somebody when it was asked about a frame in doubt. Answers whether that was new. */
  settle(userId: string, participant: Participant | undefined, at: string): boolean {
    const known = this.#members.get(userId);
    if (participant) this.#set(participant, at);
    else this.#delete(userId, at);
    return known && participant ? !sameStatus(known, participant) : known !== participant;
  }

  #isKnownSince(userId: string, at: string): boolean {
    return at < (this.#known.get(userId) ?? '');
  }

  #set(participant: Participant, at: string): Participant | undefined {
    const known = this.#members.get(participant.userId);
    this.#members.set(participant.userId, participant);
    this.#know(participant.userId, at);
    return known;
  }

  #delete(userId: string, at: string): void {
    this.#members.delete(userId);
    this.#know(userId, at);
  }

  #know(userId: string, at: string): void {
    if (!this.#isKnownSince(userId, at)) this.#known.set(userId, at);
  }
}

function sameStatus(a: Participant, b: Participant): boolean {
  return a.status === b.status && a.isMuted === b.isMuted && a.isVideoEnabled === b.isVideoEnabled;
}
