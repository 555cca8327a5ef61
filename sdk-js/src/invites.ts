/**
 * Guest links, as `tunrtc-client/invites`: a host gives one out, and whoever has it joins with a name alone.
 *
 * ```ts
 * const { url } = await new Invites(client).create();
 * ```
 * On the page that the link leads to:
 * ```ts
 * const invites = new Invites(new TunRTCClient(server));
 * const code = inviteCode(location.hash);
 * const { token, invitation } = await invites.redeem(code, 'Ann');
 * const client = new TunRTCClient({ url: server, getToken: () => token });
 * await client.joinSession(invitation.sessionId, true, true);
 * ```
 * @module
 */
import { TunRTCError, type TunRTCClient } from 'tunrtc-client';
import type { Guest, Invitation, Invite, NewInvite } from './wire.ts';

export type { Guest, GuestRole, Invitation, Invite, NewInvite } from './wire.ts';

/** What stands in a link that lets guests in: the session and 128 random bits. */
const CODE = /(?:#\/join\/|^)([\w-]{43})$/;

/** The code of a guest link, of its fragment, or of the bare code; `undefined` for anything else. */
export function inviteCode(link: string): string | undefined {
  return CODE.exec(link.trim())?.[1];
}

/** Whether a participant came by a guest link. Their name says so too, in any case: it ends in ` (guest)`. */
export function isGuest({ identity }: { identity?: string }): boolean {
  return identity?.startsWith('guest:') ?? false;
}

/** Makes guest links of sessions that the client hosts, and redeems links of others. Every call that fails rejects with a `TunRTCError`. */
export class Invites {
  readonly #client: TunRTCClient;

  constructor(client: TunRTCClient) {
    this.#client = client;
  }

  /**
   * Makes a link; `url` and `code` are told here alone.
   *
   * @param options `role`: `participant` when absent. `expiresInSeconds`: 60 to 604,800; a day when absent
   * @param sessionId the session that the client is in when absent
   */
  create(options: NewInvite = {}, sessionId?: string): Promise<Invite> {
    return this.#ask('POST', sessionId, '', options);
  }

  /** The links that are good, the oldest first, without their codes. */
  list(sessionId?: string): Promise<Invite[]> {
    return this.#ask('GET', sessionId);
  }

  /** Takes a link back, or with `all` every one: nobody takes a seat by it any more. Guests who have one keep it. */
  revoke(inviteId: string, sessionId?: string): Promise<void> {
    return this.#ask('DELETE', sessionId, inviteId === 'all' ? '' : `/${encodeURIComponent(inviteId)}`);
  }

  /** Where a code leads. Nobody needs to be signed in. */
  lookUp(code: string): Promise<Invitation> {
    return this.#client.api.call('POST', '/api/invites/lookup', { code }, true);
  }

  /**
   * Makes a guest of whoever has a code. A client with `getToken: () => token` joins as that guest. Keep the token for as long as the tab: the same
   * one is the same guest, who comes back to the same seat.
   *
   * @param name 1 to 50 characters
   */
  redeem(code: string, name: string): Promise<Guest> {
    return this.#client.api.call('POST', '/api/invites/redeem', { code, name }, true);
  }

  async #ask<Answer>(method: 'GET' | 'POST' | 'DELETE', sessionId = this.#client.sessionId, rest = '', body?: object): Promise<Answer> {
    if (!sessionId) throw new TunRTCError('not_joined', 'Join a session first, or say which one the links are of.');
    return this.#client.api.call(method, `/api/session/${encodeURIComponent(sessionId)}/invites${rest}`, body);
  }
}
