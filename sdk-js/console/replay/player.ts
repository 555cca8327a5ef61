import type { TunRTCClient } from '../../src/index.ts';
import { getRecording, RecordingPlayer, type RecordingDetail } from '../../src/recording/index.ts';
import type { TranscriptLine } from '../../src/wire.ts';
import { byId, initials, make } from '../dom.ts';
import { length, spoken } from './words.ts';

/** An arrow key moves so far, in milliseconds. */
const STEP_MS = 5_000;
/** Of the tile that is told about: what it does just now. */
const STATES = { playing: '', waiting: 'Loading', gap: 'Nothing here' } as const;

/** Everybody who was recorded, beside each other, and what was said. */
export class PlayerView {
  readonly #client: TunRTCClient;
  #player: RecordingPlayer | undefined;
  #lines: { from: number; button: HTMLButtonElement }[] = [];
  #shown = '';

  constructor(client: TunRTCClient) {
    this.#client = client;
    const [play, position, rate] = [byId('play'), byId<HTMLInputElement>('position'), byId<HTMLSelectElement>('rate')];
    play.onclick = () => (this.#player?.isPlaying ? this.#player.pause() : this.#player?.play());
    position.oninput = () => this.#player?.seek(position.valueAsNumber);
    position.onkeydown = (event) => this.#step(event);
    rate.onchange = () => {
      if (this.#player) this.#player.rate = Number(rate.value);
    };
  }

  /** Shows these, unless they are what is shown: playing goes on then. */
  show(recordings: readonly RecordingDetail[], lines: readonly TranscriptLine[]): void {
    const playable = recordings.filter(({ files }) => files.length > 0).reverse();
    const shown = playable.map(({ recordingId }) => recordingId).join() + lines.length;
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#player?.close();
    byId('player').hidden = playable.length === 0;
    const player = (this.#player = new RecordingPlayer(playable, { renew: (id) => getRecording(this.#client, id) }));
    byId('screens').replaceChildren(...playable.map((recording) => this.#tile(player, recording)));
    byId<HTMLInputElement>('position').max = String(player.durationMs);
    this.#showGaps(player, playable);
    this.#showLines(player, lines);
    player.on('stateChanged', ({ state }) => (byId('play').textContent = state === 'paused' ? 'Play' : 'Pause'));
    player.on('moved', ({ positionMs }) => this.#moved(positionMs, player.durationMs));
    this.#moved(0, player.durationMs);
  }

  #tile(player: RecordingPlayer, recording: RecordingDetail): HTMLLIElement {
    const { recordingId, username, kind } = recording;
    const video = make('video', { playsInline: true, preload: 'auto', tabIndex: -1 });
    video.setAttribute('aria-label', `${username}, ${kind}`);
    const state = make('p', { className: 'state' });
    const name = make('p', { className: 'name' }, kind === 'screen' ? `Screen of ${username}` : username);
    const item = make('li', { className: kind === 'audio' ? 'audio' : '' }, make('div', { className: 'avatar', ariaHidden: 'true' }, initials(username)), video, state, name);
    // What only has sound has no picture to show.
    video.onloadedmetadata = () => item.classList.toggle('audio', video.videoWidth === 0);
    player.on('trackChanged', (changed) => {
      if (changed.recordingId !== recordingId) return;
      item.dataset['state'] = changed.state;
      state.textContent = STATES[changed.state];
    });
    video.addEventListener('error', () => (state.textContent = 'Cannot be played just now'));
    player.show(recordingId, video);
    return item;
  }

  #showGaps(player: RecordingPlayer, recordings: readonly RecordingDetail[]): void {
    const everywhere = recordings.map(({ recordingId }) => player.timeline.gapsOf(recordingId));
    const share = (value: number) => `${(100 * value) / Math.max(player.durationMs, 1)}%`;
    const spans = everywhere.flat().map(({ from, to }) => {
      const span = make('span');
      Object.assign(span.style, { left: share(from), width: share(to - from), opacity: String(1 / recordings.length) });
      return span;
    });
    byId('gaps').replaceChildren(...spans);
  }

  #showLines(player: RecordingPlayer, lines: readonly TranscriptLine[]): void {
    const origin = player.timeline.startedAt;
    this.#lines = lines
      .map((line) => ({ ...line, from: Date.parse(line.startedAt) - origin }))
      .filter(({ from, endedAt }) => from < player.durationMs && Date.parse(endedAt) > origin)
      .map(({ from, fromUsername, text }) => {
        const button = make('button', { type: 'button' }, make('time', {}, length(Math.max(from, 0))), make('b', {}, fromUsername), text);
        button.onclick = () => player.seek(from);
        return { from, button };
      });
    byId('spoken').hidden = this.#lines.length === 0;
    byId('lines').replaceChildren(...this.#lines.map(({ button }) => make('li', {}, button)));
  }

  #moved(positionMs: number, durationMs: number): void {
    const position = byId<HTMLInputElement>('position');
    position.value = String(positionMs);
    position.setAttribute('aria-valuetext', `${spoken(positionMs)} of ${spoken(durationMs)}`);
    byId('time').textContent = `${length(positionMs)} / ${length(durationMs)}`;
    const current = this.#lines.findLast(({ from }) => from <= positionMs);
    for (const line of this.#lines) {
      const isCurrent = line === current;
      if (isCurrent === line.button.hasAttribute('aria-current')) continue;
      line.button.toggleAttribute('aria-current', isCurrent);
      if (isCurrent) keepInSight(line.button);
    }
  }

  #step(event: KeyboardEvent): void {
    const step = { ArrowRight: STEP_MS, ArrowUp: STEP_MS, ArrowLeft: -STEP_MS, ArrowDown: -STEP_MS }[event.key];
    if (step === undefined || !this.#player) return;
    event.preventDefault();
    this.#player.seek(this.#player.positionMs + step);
  }
}

/** Moves the list and not the page. */
function keepInSight(line: HTMLElement): void {
  const list = byId('lines');
  if (list.contains(document.activeElement)) return;
  list.scrollTop += line.getBoundingClientRect().top - list.getBoundingClientRect().top - list.clientHeight / 2;
}
