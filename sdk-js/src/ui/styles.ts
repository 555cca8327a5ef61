/** A place for ready-made parts in an element, with their look and more of it. */
export function styled(host: HTMLElement, more = ''): ShadowRoot {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLES + more);
  root.adoptedStyleSheets = [sheet];
  return root;
}

/** The look of the ready-made call. Colours, corners and the font are variables of the page; it fits itself into its box. */
const STYLES = `
:host, .root {
  --accent: var(--tunrtc-accent, light-dark(#0f766e, #2dd4bf));
  --on-accent: var(--tunrtc-on-accent, light-dark(#fff, #042f2a));
  --background: var(--tunrtc-background, light-dark(#f6f7f6, #101413));
  --surface: var(--tunrtc-surface, light-dark(#fff, #1b211f));
  --text: var(--tunrtc-text, light-dark(#16201d, #e8eeec));
  --muted: var(--tunrtc-muted, light-dark(#56635e, #9aa8a3));
  --line: var(--tunrtc-line, light-dark(#d9dfdc, #2f3835));
  --tile: var(--tunrtc-tile, light-dark(#dde3e1, #222927));
  --danger: var(--tunrtc-danger, light-dark(#b42318, #f97066));
  --on-danger: var(--tunrtc-on-danger, light-dark(#fff, #2c0a07));
  --radius: var(--tunrtc-radius, 12px);
}
:host {
  display: block; height: 100%; min-height: 440px;
  color-scheme: var(--tunrtc-color-scheme, light dark);
  container-type: inline-size;
}
:host([hidden]), [hidden] { display: none !important; }
*, *::before, *::after { box-sizing: border-box; }
.root {
  position: relative; height: 100%; min-height: inherit; overflow: hidden;
  display: grid; grid-template: minmax(0, 1fr) / minmax(0, 1fr);
  border-radius: var(--radius); background: var(--background); color: var(--text);
  font: var(--tunrtc-font, 15px/1.45 system-ui, sans-serif);
}
h2, p, ul, ol { margin: 0; padding: 0; }
h2 { font-size: 1.35em; line-height: 1.25; }
ul, ol { list-style: none; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
h2:focus { outline: none; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
svg { width: 20px; height: 20px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; flex: none; }

button, input, select { font: inherit; color: inherit; }
button {
  display: inline-flex; align-items: center; justify-content: center; gap: 8px;
  min-height: 44px; padding: 0 16px; border: 1px solid var(--line); border-radius: 10px;
  background: var(--surface); font-weight: 550; cursor: pointer;
}
button:hover { border-color: var(--muted); }
button:disabled { opacity: .6; cursor: default; }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.danger { background: var(--danger); border-color: var(--danger); color: var(--on-danger); }
button.off { background: color-mix(in srgb, var(--danger) 12%, var(--surface)); border-color: var(--danger); color: var(--danger); }
button.on { background: color-mix(in srgb, var(--accent) 14%, var(--surface)); border-color: var(--accent); color: var(--accent); }
input, select {
  width: 100%; min-width: 0; min-height: 42px; padding: 0 12px;
  border: 1px solid var(--line); border-radius: 10px; background: var(--surface); text-overflow: ellipsis;
}
input::placeholder { color: var(--muted); opacity: 1; }
label { display: grid; gap: 4px; min-width: 0; color: var(--muted); font-size: .9em; }
label > select { color: var(--text); }
.alert { color: var(--danger); }

.before, .after { overflow: auto; display: grid; align-content: safe center; justify-items: center; gap: 16px; padding: 20px; }
.before > * { width: min(100%, 440px); }
.before h2, .after { text-align: center; }
.preview { position: relative; aspect-ratio: 4 / 3; max-height: 330px; margin-inline: auto; overflow: hidden; border-radius: var(--radius); background: var(--tile); }
.preview video { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover; transform: scaleX(-1); }
.preview .quick { position: absolute; inset-inline: 0; bottom: 12px; display: flex; justify-content: center; gap: 8px; }
.preview .quick button { width: 48px; height: 48px; padding: 0; border-radius: 50%; }
.level { height: 6px; overflow: hidden; border-radius: 3px; background: var(--line); }
.level > div { height: 100%; background: var(--accent); transform: scaleX(0); transform-origin: left; }
.selects { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 12px; }

.call { display: grid; grid-template: minmax(0, 1fr) auto / minmax(0, 1fr); gap: 12px; padding: 12px; }
.room { position: relative; display: grid; gap: 12px; grid-template: minmax(0, 1fr) / minmax(0, 1fr); min-height: 0; }
.room.presenting { grid-template: minmax(0, 1fr) 104px / minmax(0, 1fr); }
.room:not(.presenting) .stage { display: none; }
.stage { display: grid; grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); gap: 12px; min-height: 0; }
.people { position: relative; display: flex; flex-wrap: wrap; align-content: center; justify-content: center; gap: 12px; min-height: 0; overflow: hidden; }
.tile { position: relative; overflow: hidden; display: grid; place-items: center; border-radius: var(--radius); background: var(--tile); }
.people .tile { width: var(--width, 100%); aspect-ratio: 4 / 3; }
.presenting .people { flex-wrap: nowrap; justify-content: safe center; overflow-x: auto; }
.presenting .people .tile { width: auto; height: 100%; flex: none; }
.tile video { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover; }
.tile.screen video, .tile.upright video { object-fit: contain; background: #000; }
.tile.speaking::after { content: ''; position: absolute; inset: 0; border: 3px solid var(--accent); border-radius: inherit; pointer-events: none; }
.presenting .leading { order: -1; }
.tile.own video { transform: scaleX(-1); }
.tile.blank video { visibility: hidden; }
.tile:not(.blank) .initials { display: none; }
.initials { display: grid; place-items: center; width: min(30%, 88px); aspect-ratio: 1; border-radius: 50%; background: color-mix(in srgb, var(--accent) 20%, var(--surface)); color: var(--text); font-size: 1.15em; }
.name, .state { position: absolute; inset-inline-start: 8px; max-width: calc(100% - 16px); padding: 2px 8px; border-radius: 6px; background: #0a0e0dbf; color: #fff; font-size: .87em; }
.name { bottom: 8px; display: flex; align-items: center; gap: 6px; }
.name span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.name svg { width: 15px; height: 15px; }
.state { top: 8px; }
.people.pair .tile.own { position: absolute; inset-inline-end: 12px; bottom: 12px; width: clamp(96px, 20%, 220px); box-shadow: 0 2px 12px #0006; z-index: 1; }
.banner { position: absolute; z-index: 2; top: 8px; inset-inline: 8px; display: flex; flex-wrap: wrap; justify-content: center; gap: 8px; pointer-events: none; }
.banner > * { pointer-events: auto; padding: 6px 14px; border-radius: 10px; background: var(--surface); border: 1px solid var(--line); }
.banner > p:empty { display: none; }

.controls { display: flex; justify-content: center; gap: 8px; }
.controls button { position: relative; min-height: 48px; min-width: 48px; padding: 0 14px; }
.controls .count { position: absolute; top: -6px; inset-inline-end: -6px; min-width: 20px; padding: 0 5px; border-radius: 10px; background: var(--accent); color: var(--on-accent); font-size: .8em; line-height: 20px; }
.chat { display: grid; grid-template: auto minmax(0, 1fr) auto / minmax(0, 1fr); border: 1px solid var(--line); border-radius: var(--radius); background: var(--surface); overflow: hidden; }
.chat header { display: flex; align-items: center; justify-content: space-between; padding: 8px 8px 8px 16px; border-bottom: 1px solid var(--line); }
.chat h2 { font-size: 1em; }
.chat header button { padding: 0 8px; border: 0; background: none; }
.log { overflow: auto; padding: 14px 16px; }
.log ol { display: grid; gap: 12px; }
.log .from { display: flex; gap: 8px; align-items: baseline; color: var(--muted); font-size: .87em; }
.log .from b { color: var(--text); font-weight: 600; overflow-wrap: anywhere; }
.log .said { overflow-wrap: anywhere; white-space: pre-wrap; }

.log a { color: var(--accent); }
.chat form { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 8px; padding: 10px; border-top: 1px solid var(--line); }
.chat form .alert { grid-column: 1 / -1; }
dialog { width: min(400px, calc(100% - 24px)); padding: 24px; border: 1px solid var(--line); border-radius: 16px; background: var(--surface); color: var(--text); }
dialog::backdrop { background: #0a0e0d80; }
dialog form { display: grid; gap: 16px; }

@container (min-width: 761px) {
  .call.talking { grid-template-columns: minmax(0, 1fr) minmax(240px, 320px); }
  .call .controls { grid-column: 1 / -1; }
}
@container (max-width: 760px) {
  .call .chat { position: absolute; inset: 0; z-index: 3; border: 0; border-radius: 0; }
  .controls button { padding: 0 12px; }
}
@container (max-width: 480px) {
  .call { padding: 8px; gap: 8px; }
  .controls { gap: 6px; }
  .controls button { flex: 1; padding: 0; }
}
@container (min-width: 900px) {
  .room.presenting { grid-template: minmax(0, 1fr) / minmax(0, 1fr) 184px; }
  .presenting .people { flex-direction: column; overflow: hidden auto; }
  .presenting .people .tile { width: 100%; height: auto; }
}
`;
