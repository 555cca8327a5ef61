/** Who uses this tab: somebody who is signed in, or a guest of one session, who has no account. */
import type { TunRTCClient } from '../src/index.ts';
import type { Guest } from '../src/invites.ts';

const GUEST = 'tunrtc.guest';

/** A guest, and the code of the link that they came by. */
export interface GuestHere extends Guest {
  code: string;
}

/** The guest who uses this tab. It stays so over a reload, which comes back to the same seat; another tab is somebody else. */
export const guest: (GuestHere & { getToken(): string }) | undefined = read();

/** From the next load of this page on, the tab is that guest's. */
export function keepGuest(who: GuestHere): void {
  sessionStorage.setItem(GUEST, JSON.stringify(who));
}

export function forgetGuest(): void {
  sessionStorage.removeItem(GUEST);
}

/** Who is there, if anybody is. */
export function self(client: TunRTCClient): { userId: string; username: string } | undefined {
  return guest ?? client.user;
}

function read(): typeof guest {
  const kept = sessionStorage.getItem(GUEST);
  if (!kept) return undefined;
  const who = JSON.parse(kept) as GuestHere;
  return { ...who, getToken: () => who.token };
}
