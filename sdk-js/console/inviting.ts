import type { TunRTCClient } from '../src/index.ts';
import { Invites, type Invite } from '../src/invites.ts';
import { byId, make } from './dom.ts';
import { attempt, fail, notify } from './notice.ts';

const ROLES = { participant: 'May take part', viewer: 'May watch and write' } as const;

/** The links by which a host lets guests in: makes them, lists those that are good, and takes them back. */
export class Inviting {
  readonly #invites: Invites;
  #isHost = false;

  constructor(client: TunRTCClient) {
    this.#invites = new Invites(client);
    const form = byId<HTMLFormElement>('invite-form');
    form.onsubmit = (event) => {
      event.preventDefault();
      void attempt(byId('invite-make'), () => this.#make(byId<HTMLSelectElement>('invite-role').value === 'viewer' ? 'viewer' : 'participant'));
    };
    byId('invite-revoke-all').onclick = () => void attempt(byId('invite-revoke-all'), () => this.#revoke('all'));
  }

  /** Shows the links to a host, and nothing to anybody else. */
  show(isHost: boolean): void {
    if (isHost === this.#isHost) return;
    this.#isHost = isHost;
    byId('inviting').hidden = !isHost;
    byId('invites').replaceChildren();
    if (isHost) this.refresh();
  }

  /** Reads the links anew: a ban of a guest takes one back, too. */
  refresh(): void {
    // Nobody asked for it, so it takes away no notice.
    if (this.#isHost) this.#read().catch(fail);
  }

  async #read(): Promise<void> {
    this.#list(await this.#invites.list());
  }

  async #make(role: keyof typeof ROLES): Promise<void> {
    const { url = '' } = await this.#invites.create({ role });
    await this.#read();
    try {
      await navigator.clipboard.writeText(url);
      notify('The guest link is copied. Whoever has it joins with a name alone, for a day.', 'news');
    } catch {
      notify(`The guest link is ${url}`, 'news');
    }
  }

  async #revoke(inviteId: string): Promise<void> {
    await this.#invites.revoke(inviteId);
    await this.#read();
    // The button that was pressed may be gone.
    if (!document.activeElement || document.activeElement === document.body) byId('invite-make').focus();
  }

  #list(invites: readonly Invite[]): void {
    byId('invites').replaceChildren(...invites.map((invite) => this.#line(invite)));
    byId('invite-revoke-all').hidden = invites.length < 2;
  }

  #line({ inviteId, role, expiresAt }: Invite): HTMLLIElement {
    const until = new Date(expiresAt).toLocaleString([], { weekday: 'short', hour: '2-digit', minute: '2-digit' });
    const text = `${role === 'viewer' ? ROLES.viewer : ROLES.participant}, until ${until}`;
    const button = make('button', { type: 'button', ariaLabel: `Take back the link: ${text}` }, 'Take back');
    button.onclick = () => void attempt(button, () => this.#revoke(inviteId));
    const item = make('li', {}, make('div', { className: 'who' }, text), button);
    item.dataset['inviteId'] = inviteId;
    return item;
  }
}
