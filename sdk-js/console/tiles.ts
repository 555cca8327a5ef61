import type { PeerState, QualityLevel, Speaker, StreamKind, TunRTCClient } from '../src/index.ts';
import { byId, icon, initials, make } from './dom.ts';

/** One picture in the grid. */
interface Tile {
  item: HTMLLIElement;
  video: HTMLVideoElement;
  /** Has others no longer send what this tile shows. */
  forget(): void;
}

/** The grid of videos: shared screens first, then who speaks, then oneself and the others. */
export class Tiles {
  readonly #tiles = new Map<string, Tile>();
  readonly #client: TunRTCClient;
  readonly #levels = new Map<string, QualityLevel>();
  #speaker = '';

  constructor(client: TunRTCClient) {
    this.#client = client;
    addEventListener('resize', () => this.#arrange());
  }

  /** Adds a tile for somebody, or finds the one there is. */
  add(userId: string, name: string, kind: StreamKind = 'camera', own = false): Tile {
    const key = keyOf(userId, kind);
    const known = this.#tiles.get(key);
    if (known) return known;
    const video = make('video', { autoplay: true, playsInline: true, muted: own });
    const label = kind === 'screen' ? `${name}’s screen` : own ? `${name} (you)` : name;
    const item = make(
      'li',
      { className: `tile blank ${kind}${own ? ' own' : ''}` },
      video,
      make('div', { className: 'initials', ariaHidden: 'true' }, initials(name)),
      make('div', { className: 'label' }, make('span', { className: 'name' }, label)),
      make('div', { className: 'state', hidden: true }),
    );
    item.dataset['userId'] = userId;
    const tile = { item, video, forget: own ? () => {} : this.#client.observe(video) };
    this.#tiles.set(key, tile);
    const list = byId('tiles');
    if (kind === 'screen') list.prepend(item);
    else list.append(item);
    this.#arrange();
    return tile;
  }

  show(userId: string, name: string, stream: MediaStream, kind: StreamKind, own = false): void {
    const { item, video } = this.add(userId, name, kind, own);
    video.srcObject = stream;
    if (!own) void this.#useSpeaker(video);
    video.play().catch(() => this.#offerSound(item, video));
    if (kind === 'screen') item.classList.remove('blank');
  }

  /** Takes a stream away: a screen with its tile, while a person's tile stays without a picture. */
  hide(userId: string, stream: MediaStream): void {
    const camera = this.#tiles.get(keyOf(userId, 'camera'));
    if (camera?.video.srcObject === stream) {
      camera.video.srcObject = null;
      camera.item.classList.add('blank');
    }
    if (this.#tiles.get(keyOf(userId, 'screen'))?.video.srcObject === stream) this.remove(userId, 'screen');
  }

  remove(userId: string, kind?: StreamKind): void {
    for (const key of kind ? [keyOf(userId, kind)] : [keyOf(userId, 'camera'), keyOf(userId, 'screen')]) {
      this.#tiles.get(key)?.forget();
      this.#tiles.get(key)?.item.remove();
      this.#tiles.delete(key);
    }
    this.#arrange();
  }

  clear(): void {
    for (const { forget } of this.#tiles.values()) forget();
    this.#tiles.clear();
    this.#levels.clear();
    byId('tiles').replaceChildren();
  }

  /** Shows the picture or, with the camera off, the initials; and whether the microphone is open. */
  setStatus(userId: string, isMuted: boolean, isVideoEnabled: boolean): void {
    const tile = this.#tiles.get(keyOf(userId, 'camera'));
    if (!tile) return;
    const { item, video } = tile;
    item.classList.toggle('blank', !isVideoEnabled || !video.srcObject);
    const label = item.querySelector('.label');
    label?.querySelector('svg')?.remove();
    if (isMuted) label?.prepend(icon('microphone', true));
  }

  setState(userId: string, state: PeerState, isAway: boolean): void {
    const badge = this.#tiles.get(keyOf(userId, 'camera'))?.item.querySelector<HTMLElement>('.state');
    if (!badge) return;
    const isPoor = this.#levels.get(userId) === 'poor';
    badge.textContent =
      isAway || state === 'reconnecting' ? 'Reconnecting…' : state === 'connecting' ? 'Connecting…' : isPoor ? 'Poor connection' : '';
    badge.hidden = badge.textContent === '';
  }

  /** Shows how well the connection to somebody works: by a dot beside the name, which has words for those who cannot tell colours. */
  setQuality(userId: string, quality: QualityLevel): void {
    this.#levels.set(userId, quality);
    const label = this.#tiles.get(keyOf(userId, 'camera'))?.item.querySelector('.label');
    const dot = label?.querySelector<HTMLElement>('.level') ?? make('span', { className: 'level', role: 'img' });
    dot.ariaLabel = dot.title = `Connection ${quality}`;
    dot.dataset['level'] = quality;
    label?.append(dot);
  }

  /** Frames those who speak, and puts the loudest of the others in front. Nobody leads: whoever led stays there. */
  setSpeakers(speakers: Speaker[]): void {
    const speaking = new Set(speakers.map(({ userId }) => userId));
    const people = [...this.#tiles.values()].filter(({ item }) => !item.classList.contains('screen'));
    const isOwn = (item: HTMLElement) => item.classList.contains('own');
    for (const { item } of people) item.classList.toggle('speaking', speaking.has(item.dataset['userId'] ?? ''));
    const leader = speakers.map(({ userId }) => this.#tiles.get(keyOf(userId, 'camera'))?.item).find((item) => item && !isOwn(item));
    if (!leader) return;
    for (const { item } of people) item.classList.toggle('leading', item === leader);
  }

  /** The loudspeaker that was chosen, by its id; empty for the browser's own choice. */
  get speaker(): string {
    return this.#speaker;
  }

  /** Plays everybody on another loudspeaker, where the browser lets a page choose. */
  async useSpeaker(deviceId: string): Promise<void> {
    this.#speaker = deviceId;
    await Promise.all([...this.#tiles.values()].filter(({ video }) => !video.muted).map(({ video }) => this.#useSpeaker(video)));
  }

  async #useSpeaker(video: HTMLVideoElement): Promise<void> {
    if (this.#speaker && 'setSinkId' in video) await video.setSinkId(this.#speaker);
  }

  /** Browsers play no sound before the first click on a page: then a button asks for it. */
  #offerSound(item: HTMLElement, video: HTMLVideoElement): void {
    if (item.querySelector('.unblock')) return;
    const button = make('button', { type: 'button', className: 'unblock primary' }, 'Play');
    button.onclick = () => void video.play().then(() => button.remove());
    item.append(button);
  }

  /** As many columns as leave the largest pictures, for pictures of 16:10 or so. */
  #arrange(): void {
    const list = byId('tiles');
    const { clientWidth: width, clientHeight: height } = list;
    const count = this.#tiles.size || 1;
    let best = { columns: 1, size: 0 };
    for (let columns = 1; columns <= count; columns++) {
      const rows = Math.ceil(count / columns);
      const size = Math.min(width / columns, (height / rows) * 1.6);
      if (size > best.size + 1) best = { columns, size };
    }
    list.style.setProperty('--columns', String(best.columns));
    list.style.setProperty('--rows', String(Math.ceil(count / best.columns)));
  }
}

function keyOf(userId: string, kind: StreamKind): string {
  return `${userId} ${kind}`;
}
