import type { Participant, Snapshot } from 'tunrtc-client';
import { icon, initials, make } from './dom.ts';
import type { Labels } from './labels.ts';

/** Width to height of a person's picture: what most cameras give by themselves, so that no head is cut away. */
const RATIO = 4 / 3;
const GAP = 12;

interface Tile {
  item: HTMLLIElement;
  video: HTMLVideoElement;
  name: HTMLElement;
  state: HTMLElement;
}

/** What one tile shows. */
interface View {
  key: string;
  name: string;
  stream: MediaStream | undefined;
  isOwn: boolean;
  isScreen: boolean;
  isMuted: boolean;
  hasPicture: boolean;
  state: string;
}

/** Everybody's picture, and the shared screens large beside them. */
export class Grid {
  readonly element: HTMLElement = make('div', { className: 'room' });
  readonly #stage = make('ul', { className: 'stage' });
  readonly #people: HTMLUListElement;
  readonly #tiles = new Map<string, Tile>();
  readonly #labels: Labels;
  readonly #onBlocked: () => void;
  readonly #observer: ResizeObserver;
  #speaker = '';

  /** @param onBlocked is told when the browser plays no sound before a click; then {@link play} is to be called by one */
  constructor(labels: Labels, onBlocked: () => void) {
    this.#labels = labels;
    this.#onBlocked = onBlocked;
    this.#people = make('ul', { className: 'people', ariaLabel: labels.people });
    this.element.append(this.#stage, this.#people);
    this.#observer = new ResizeObserver(() => this.#arrange());
    this.#observer.observe(this.#people);
  }

  update(snapshot: Snapshot): void {
    const views = this.#views(snapshot);
    const wanted = new Set(views.map(({ key }) => key));
    for (const [key, tile] of this.#tiles) if (!wanted.has(key)) this.#remove(key, tile);
    for (const view of views) this.#show(view);
    const isPresenting = this.#stage.childElementCount > 0;
    this.element.classList.toggle('presenting', isPresenting);
    this.#people.classList.toggle('pair', !isPresenting && snapshot.participants.length === 1);
    this.#arrange();
  }

  /** Plays what the browser kept from playing. */
  play(): void {
    for (const { video } of this.#tiles.values()) video.play().catch(() => {});
  }

  async useSpeaker(deviceId: string): Promise<void> {
    this.#speaker = deviceId;
    await Promise.all([...this.#tiles.values()].map(({ video }) => this.#route(video)));
  }

  close(): void {
    this.#observer.disconnect();
    for (const [key, tile] of this.#tiles) this.#remove(key, tile);
  }

  #views({ streams, participants, peers, local, user }: Snapshot): View[] {
    const { you, screenOf, connecting, reconnecting } = this.#labels;
    const cameraOf = (userId: string) => streams.find((each) => each.userId === userId && each.kind === 'camera' && !each.isLocal)?.stream;
    const state = ({ userId, status }: Participant) =>
      status === 'reconnecting' || peers[userId] === 'reconnecting' ? reconnecting : peers[userId] === 'connecting' ? connecting : '';
    const own: View = {
      key: 'own',
      name: user ? `${user.username} (${you})` : you,
      stream: streams.find(({ isLocal, kind }) => isLocal && kind === 'camera')?.stream,
      isOwn: true,
      isScreen: false,
      isMuted: local.isMuted,
      hasPicture: local.isVideoEnabled,
      state: '',
    };
    const others = participants.map((participant): View => {
      const stream = cameraOf(participant.userId);
      const { userId, username: name, isMuted, isVideoEnabled } = participant;
      return { key: userId, name, stream, isOwn: false, isScreen: false, isMuted, hasPicture: isVideoEnabled && stream !== undefined, state: state(participant) };
    });
    const screens = streams
      .filter(({ kind, isLocal }) => kind === 'screen' && !isLocal)
      .map(({ userId, username, stream }): View => {
        return { key: `${userId} screen`, name: `${screenOf} ${username}`, stream, isOwn: false, isScreen: true, isMuted: false, hasPicture: true, state: '' };
      });
    return [...screens, ...others, own];
  }

  #show(view: View): void {
    const tile = this.#tiles.get(view.key) ?? this.#add(view);
    const { item, video, name, state } = tile;
    item.className = ['tile', view.isOwn && 'own', view.isScreen && 'screen', !view.hasPicture && 'blank'].filter(Boolean).join(' ');
    if (video.srcObject !== (view.stream ?? null)) {
      video.srcObject = view.stream ?? null;
      if (view.stream) video.play().catch((error: Error) => error.name === 'NotAllowedError' && this.#onBlocked());
    }
    const muted = view.isMuted ? [icon('microphone-off'), make('span', { className: 'hidden' }, this.#labels.muted)] : [];
    const text = `${view.name} ${view.isMuted}`;
    if (name.dataset['text'] !== text) name.replaceChildren(...muted, make('span', {}, view.name));
    name.dataset['text'] = text;
    state.textContent = view.state;
    state.hidden = view.state === '';
  }

  #add({ key, isOwn, isScreen, name: username }: View): Tile {
    const video = make('video', { autoplay: true, playsInline: true, muted: isOwn });
    const name = make('div', { className: 'name' });
    const state = make('div', { className: 'state' });
    const item = make('li', {}, video, make('div', { className: 'initials', ariaHidden: 'true' }, initials(username)), name, state);
    const tile = { item, video, name, state };
    this.#tiles.set(key, tile);
    void this.#route(video);
    const list = isScreen ? this.#stage : this.#people;
    // Oneself comes last, whoever comes after.
    const own = this.#tiles.get('own')?.item;
    if (own && own !== item && !isScreen) list.insertBefore(item, own);
    else list.append(item);
    return tile;
  }

  #remove(key: string, { item, video }: Tile): void {
    video.srcObject = null;
    item.remove();
    this.#tiles.delete(key);
  }

  async #route(video: HTMLVideoElement): Promise<void> {
    if (this.#speaker && !video.muted) await video.setSinkId(this.#speaker);
  }

  /** The columns that leave the largest pictures. */
  #arrange(): void {
    const { clientWidth, clientHeight } = this.#people;
    const isPair = this.#people.classList.contains('pair');
    const count = Math.max(this.#people.childElementCount - (isPair ? 1 : 0), 1);
    let width = 0;
    for (let columns = 1; columns <= count; columns++) {
      const rows = Math.ceil(count / columns);
      const fits = Math.min((clientWidth - GAP * (columns - 1)) / columns, ((clientHeight - GAP * (rows - 1)) / rows) * RATIO);
      width = Math.max(width, fits);
    }
    this.#people.style.setProperty('--width', `${Math.floor(width)}px`);
  }
}
