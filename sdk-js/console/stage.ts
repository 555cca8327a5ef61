import type { TunRTCClient } from '../src/index.ts';
import { Grid, type View } from '../src/ui/grid.ts';
import { LABELS } from '../src/ui/labels.ts';
import { styled } from '../src/ui/styles.ts';
import { byId, drawing, entitle, make } from './dom.ts';
import { attempt } from './notice.ts';
import { self } from './self.ts';

const PIN = 'M9 4h6l-1 6 3 3v2H7v-2l3-3zM12 15v5';
const WHOLE = 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5';
const APART = 'M3 5h18v14H3zM12 12h7v5h-7z';
const REPORT = 'M4 20h16M7 16v-5M12 16V5M17 16v-8';

/** What the ready-made pictures have no need of: the tools in a tile, and a dot for the connection. */
const STYLES = `
:host { min-height: 0; }
.room { height: 100%; }
.tools { position: absolute; z-index: 1; top: 8px; inset-inline-end: 8px; display: flex; gap: 6px; opacity: 0; }
.tile:hover .tools, .tile:focus-within .tools { opacity: 1; }
@media (hover: none) { .tools { opacity: 1; } }
.tools :is(button, a) { display: grid; place-items: center; border-radius: 10px; min-height: 36px; min-width: 36px; padding: 0; border: 0; background: #0a0e0dbf; color: #fff; }
.tools svg { width: 18px; height: 18px; }
.presenting .people .tools button:not(.pin), .pair .own .tools, .blank .apart { display: none; }
.tile:fullscreen { border-radius: 0; }
.tile:fullscreen video { object-fit: contain; }
.rec { position: absolute; z-index: 1; top: 12px; inset-inline-start: 12px; width: 12px; height: 12px; border-radius: 50%; background: #e5484d; box-shadow: 0 0 0 3px #0a0e0dbf; }
.name::after { content: none; flex: none; width: 9px; height: 9px; border-radius: 50%; border: 1px solid #fff; background: var(--danger); }
[data-quality]:not([data-quality='']) .name::after { content: ''; }
[data-quality='excellent'] .name::after { background: #2dd4bf; }
[data-quality='good'] .name::after { background: #f5c451; }
`;

/** The pictures of a call, with what one can do with each of them. */
export class Stage {
  readonly #client: TunRTCClient;
  readonly #grid: Grid;
  readonly #onLayout: () => void;
  #isSpotlit = false;
  #report = '';
  #recorded: ReadonlySet<string> = new Set();

  /** @param onLayout another picture stands large, or none */
  constructor(client: TunRTCClient, onLayout: () => void) {
    this.#client = client;
    this.#onLayout = onLayout;
    const root = styled(byId('tiles'), STYLES);
    const play = byId('play-sound');
    play.onclick = () => {
      play.hidden = true;
      this.#grid.play();
    };
    this.#grid = new Grid(client, LABELS, () => (play.hidden = false), (view, item, video) => [this.#mark(view), this.#tools(view, item, video)]);
    root.append(this.#grid.element);
    client.on('activeSpeakersChanged', ({ speakers }) => {
      const leader = speakers.find(({ userId }) => client.participants.has(userId))?.userId;
      if (this.#isSpotlit && leader) this.#pin(leader);
    });
  }

  /** Whether whoever speaks stands large, and the others small beside them. */
  get isSpotlit(): boolean {
    return this.#isSpotlit;
  }

  set isSpotlit(isOn: boolean) {
    this.#isSpotlit = isOn;
    const [first = ''] = this.#client.participants.keys();
    this.#pin(isOn ? first : '');
  }

  /** The address of what the connections of this call are like, for those who may look at it; empty for others. */
  set report(address: string) {
    this.#report = address;
    this.update();
  }

  /** Whose pictures have the red mark: they record themselves. */
  set recorded(userIds: ReadonlySet<string>) {
    this.#recorded = userIds;
    this.#showMarks();
  }

  /** Brings the pictures to what the client says. */
  update(): void {
    this.#grid.update();
    this.#showMarks();
    for (const link of byId('tiles').shadowRoot?.querySelectorAll<HTMLAnchorElement>('.report') ?? []) {
      link.hidden = !this.#report;
      link.href = this.#report;
    }
  }

  /** Fills the screen with the picture that stands large, or with all of them; and back. */
  async toggleFullScreen(): Promise<void> {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await (byId('tiles').shadowRoot?.querySelector('.stage .tile') ?? byId('tiles')).requestFullscreen();
  }

  async useSpeaker(deviceId: string): Promise<void> {
    await this.#grid.useSpeaker(deviceId);
  }

  #pin(key: string): void {
    this.#grid.pinned = key;
    this.#grid.update();
    for (const button of byId('tiles').shadowRoot?.querySelectorAll<HTMLElement>('.pin') ?? []) {
      entitle(button, `${button.dataset['key'] === key ? 'Unpin' : 'Pin'} ${button.dataset['name']}`);
    }
    this.#onLayout();
  }

  #mark({ userId, isOwn, name }: View): HTMLElement {
    const mark = make('span', { className: 'rec', role: 'img', ariaLabel: `${name}: recording`, title: 'Recording', hidden: true });
    // A guest has no account: the own picture is theirs all the same.
    mark.dataset['userId'] = isOwn ? (self(this.#client)?.userId ?? '') : userId;
    return mark;
  }

  #showMarks(): void {
    for (const mark of byId('tiles').shadowRoot?.querySelectorAll<HTMLElement>('.rec') ?? []) mark.hidden = !this.#recorded.has(mark.dataset['userId'] ?? '');
  }

  #tools({ key, name, isOwn }: View, item: HTMLElement, video: HTMLVideoElement): HTMLElement {
    const tool = (className: string, line: string, title: string, act: () => unknown) => {
      const button = make('button', { type: 'button', className }, drawing(line));
      entitle(button, title);
      button.onclick = () => void attempt(button, async () => act());
      return button;
    };
    const pin = tool('pin', PIN, `Pin ${name}`, () => {
      this.#isSpotlit = false;
      this.#pin(this.#grid.pinned === key ? '' : key);
      // The tile has another place now, which took the focus from it.
      pin.focus();
    });
    Object.assign(pin.dataset, { key, name });
    // Another tab: the call goes on in this one. It is opened by this one, so that it is signed in.
    const report = make('a', { className: 'report', target: '_blank', rel: 'opener', hidden: true }, drawing(REPORT));
    entitle(report, `Quality of the connection to ${name}, and of the whole call`);
    const whole = () => (document.fullscreenElement ? document.exitFullscreen() : item.requestFullscreen());
    // Inside a shadow root the document names only its host.
    const isApart = () => (video.getRootNode() as ShadowRoot).pictureInPictureElement === video;
    const apart = () => (isApart() ? document.exitPictureInPicture() : video.requestPictureInPicture());
    return make(
      'div',
      { className: 'tools' },
      pin,
      ...(isOwn ? [] : [report]),
      ...(document.fullscreenEnabled ? [tool('whole', WHOLE, `Full screen: ${name}`, whole)] : []),
      ...(document.pictureInPictureEnabled ? [tool('apart', APART, `Picture in picture: ${name}`, apart)] : []),
    );
  }
}
