/**
 * Making elements, for the ready-made call and for the console.
 * @module
 */

/** Makes an element with properties and children; text is always text, never markup. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Partial<HTMLElementTagNameMap[Tag]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const PATHS = {
  microphone: 'M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5 11a7 7 0 0 0 14 0M12 18v3',
  camera: 'M3 7.5A1.5 1.5 0 0 1 4.5 6h9A1.5 1.5 0 0 1 15 7.5v9a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 3 16.5zM15 10.5l6-3.5v10l-6-3.5',
  screen: 'M3 5.5h18v11H3zM8 20.5h8M12 8.5v5M9.5 10.7L12 8.3l2.5 2.4',
  devices: 'M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4',
  details: 'M4 5.5h16v10.5H9.5L5.5 19.5V16H4z',
  leave: 'M3.5 14.5c5.5-5 11.5-5 17 0l-2.3 2.6-3.7-1.6v-2.7c-1.6-.5-3.4-.5-5 0v2.7l-3.7 1.6z',
  send: 'M4 12l16-8-6 16-3-6.5z',
  close: 'M6 6l12 12M18 6L6 18',
} as const;

const STRUCK_OUT = 'M3 3l18 18';

export type Icon = keyof typeof PATHS;

/** A line drawing; decoration, so screen readers pass over it. */
export function icon(name: Icon, isOff = false): SVGElement {
  return drawing(PATHS[name] + (isOff ? STRUCK_OUT : ''));
}

/** Gives a button that has no words its name, for the mouse and for screen readers. */
export function entitle(button: HTMLElement, title: string): void {
  button.title = title;
  button.setAttribute('aria-label', title);
}

/** A line drawing of one's own. */
export function drawing(line: string): SVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', line);
  svg.append(path);
  return svg;
}

/** One or two letters that stand for a name; what is said beside it, in brackets, does not count. */
export function initials(name: string): string {
  return (name.match(/(?<!\S)[\p{L}\p{N}]/gu) ?? ['?']).slice(0, 2).join('').toUpperCase();
}

/** The time of day, as people write it here. */
export function clock(timestamp: string | Date): string {
  return new Date(timestamp).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

/**
 * Makes a toolbar one stop of the Tab key, in which the arrow keys move, as people who use the keyboard expect of a
 * toolbar.
 */
export function startToolbar(toolbar: HTMLElement): void {
  const buttons = [...toolbar.querySelectorAll('button')];
  const stopAt = (stop: HTMLButtonElement) => {
    for (const button of buttons) button.tabIndex = button === stop ? 0 : -1;
  };
  toolbar.addEventListener('focusin', ({ target }) => {
    const button = buttons.find((each) => each === target);
    if (button) stopAt(button);
  });
  toolbar.addEventListener('keydown', (event) => {
    const at = buttons.findIndex((button) => button === event.target);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    buttons[(next + buttons.length) % buttons.length]?.focus();
  });
  const [first] = buttons;
  if (first) stopAt(first);
}
