import type { Participant, QualityLevel, Snapshot, TunRTCClient } from 'tunrtc-client';
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
  /** Has others no longer send what this tile shows. */
  forget(): void;
}

/** What one tile shows. */
export interface View {
  key: string;
  userId: string;
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
  /** The tile that stands large, by its {@link View.key}, until it is gone; empty for none. */
  pinned = '';
  readonly #stage = make('ul', { className: 'stage' });
  readonly #people: HTMLUListElement;
  readonly #tiles = new Map<string, Tile>();
  readonly #client: TunRTCClient;
  readonly #labels: Labels;
  readonly #onBlocked: () => void;
  readonly #tools: (view: View, item: HTMLElement, video: HTMLVideoElement) => Node[];
  readonly #observer: ResizeObserver;
  readonly #stops: (() => void)[];
  readonly #qualities = new Map<string, QualityLevel>();
  #speaking: readonly string[] = [];
  /** Who spoke last, oneself apart. */
  #leader = '';
  #speaker = '';

  /**
   * @param onBlocked is told when the browser plays no sound before a click; then {@link play} is to be called by one
   * @param tools makes what is in a tile beside its picture and its name
   */
  constructor(client: TunRTCClient, labels: Labels, onBlocked: () => void, tools: (view: View, item: HTMLElement, video: HTMLVideoElement) => Node[] = () => []) {
    this.#client = client;
    this.#labels = labels;
    this.#onBlocked = onBlocked;
    this.#tools = tools;
    this.#stops = [
      client.on('activeSpeakersChanged', ({ speakers }) => {
        this.#speaking = speakers.map(({ userId }) => userId);
        this.#leader = this.#speaking.find((userId) => client.participants.has(userId)) ?? this.#leader;
        this.update();
      }),
      client.on('connectionQualityChanged', ({ userId, quality }) => {
        this.#qualities.set(userId, quality);
        this.update();
      }),
    ];
    this.#people = make('ul', { className: 'people', ariaLabel: labels.people });
    this.element.append(this.#stage, this.#people);
    this.#observer = new ResizeObserver(() => this.#arrange());
    this.#observer.observe(this.#people);
  }

  /** Brings it to what the client says. */
  update(): void {
    const snapshot = this.#client.getSnapshot();
    const views = this.#views(snapshot);
    if (!views.some(({ key }) => key === this.pinned)) this.pinned = '';
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

  /** Empties it; what it showed is told to nobody any more. */
  close(): void {
    this.#observer.disconnect();
    for (const stop of this.#stops) stop();
    for (const [key, tile] of this.#tiles) this.#remove(key, tile);
  }

  #views({ streams, participants, peers, local, user }: Snapshot): View[] {
    const { you, screenOf, connecting, reconnecting, poor } = this.#labels;
    const cameraOf = (userId: string) => streams.find((each) => each.userId === userId && each.kind === 'camera' && !each.isLocal)?.stream;
    const isPoor = (userId: string) => /poor|lost/.test(this.#qualities.get(userId) ?? '');
    const state = ({ userId, status }: Participant) =>
      status === 'reconnecting' || peers[userId] === 'reconnecting' ? reconnecting : peers[userId] === 'connecting' ? connecting : isPoor(userId) ? poor : '';
    const own: View = {
      key: 'own',
      userId: user?.userId ?? '',
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
      return { key: userId, userId, name, stream, isOwn: false, isScreen: false, isMuted, hasPicture: isVideoEnabled && stream !== undefined, state: state(participant) };
    });
    const screens = streams
      .filter(({ kind, isLocal }) => kind === 'screen' && !isLocal)
      .map(({ userId, username, stream }): View => {
        return { key: `${userId} screen`, userId, name: `${screenOf} ${username}`, stream, isOwn: false, isScreen: true, isMuted: false, hasPicture: true, state: '' };
      });
    return [...screens, ...others, own];
  }

  #show(view: View): void {
    const tile = this.#tiles.get(view.key) ?? this.#add(view);
    const { item, video, name, state } = tile;
    const { key, userId, isOwn, isScreen } = view;
    const pinned = key === this.pinned;
    const classes = {
      own: isOwn,
      screen: isScreen,
      blank: !view.hasPicture,
      pinned,
      speaking: !isScreen && this.#speaking.includes(userId),
      leading: !isScreen && userId === this.#leader,
    };
    for (const [each, holds] of Object.entries(classes)) item.classList.toggle(each, holds);
    item.dataset['quality'] = this.#qualities.get(userId) ?? '';
    this.#place(item, this.pinned ? pinned : isScreen);
    if (video.srcObject !== (view.stream ?? null)) {
      video.srcObject = view.stream ?? null;
      if (view.stream) video.play().catch((error: Error) => error.name === 'NotAllowedError' && this.#onBlocked());
    }
    const muted = view.isMuted ? [icon('microphone', true), make('span', { className: 'hidden' }, this.#labels.muted)] : [];
    const text = `${view.name} ${view.isMuted}`;
    if (name.dataset['text'] !== text) name.replaceChildren(...muted, make('span', {}, view.name));
    name.dataset['text'] = text;
    state.textContent = view.state;
    state.hidden = view.state === '';
  }

  #add(view: View): Tile {
    const { key, isOwn } = view;
    const video = make('video', { autoplay: true, playsInline: true, muted: isOwn });
    const name = make('div', { className: 'name' });
    const state = make('div', { className: 'state' });
    const item = make('li', { className: 'tile' }, video, make('div', { className: 'initials', ariaHidden: 'true' }, initials(view.name)), name, state);
    item.append(...this.#tools(view, item, video));
    // A phone that is held upright gives a picture of which a tile would cut the head away.
    video.onresize = () => item.classList.toggle('upright', video.videoHeight > video.videoWidth);
    const tile = { item, video, name, state, forget: isOwn ? () => {} : this.#client.observe(video) };
    this.#tiles.set(key, tile);
    void this.#route(video);
    return tile;
  }

  /** On the stage or among the people; there oneself comes last, whoever comes after. */
  #place(item: HTMLElement, isLarge: boolean): void {
    const list = isLarge ? this.#stage : this.#people;
    if (item.parentElement === list) return;
    const own = this.#people.querySelector('.own');
    list.insertBefore(item, own && !isLarge ? own : null);
  }

  #remove(key: string, { item, video, forget }: Tile): void {
    forget();
    video.srcObject = null;
    item.remove();
    this.#tiles.delete(key);
    this.#qualities.delete(key);
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
