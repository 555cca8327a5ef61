/** Finding and making elements. */

/** The element of the page with this id; the page is ours, so it is there. */
export function byId<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element as Kind;
}

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
  'microphone-off': 'M15 9.500V6a3 3 0 0 0-5.700-1.300M9 9v2a3 3 0 0 0 4.600 2.500M5 11a7 7 0 0 0 11.200 5.600M19 11a7 7 0 0 1-.5 2.500M12 18v3M3 3l18 18',
  camera: 'M3 7.500A1.500 1.500 0 0 1 4.500 6h9A1.500 1.500 0 0 1 15 7.500v9a1.500 1.500 0 0 1-1.500 1.500h-9A1.500 1.500 0 0 1 3 16.500zM15 10.500l6-3.500v10l-6-3.500',
  'camera-off': 'M8.500 6h5A1.500 1.500 0 0 1 15 7.500v5m0 1l6 3.500V7l-5 3M15 16.500a1.500 1.500 0 0 1-1.500 1.500h-9A1.500 1.500 0 0 1 3 16.500v-9A1.500 1.500 0 0 1 4.500 6M3 3l18 18',
  screen: 'M3 5.500h18v11H3zM8 20.500h8M12 8.500v5M9.500 10.700L12 8.300l2.500 2.400',
  devices: 'M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4',
  details: 'M4 5.500h16v10.500H9.500L5.500 19.500V16H4z',
  leave: 'M3.500 14.500c5.500-5 11.500-5 17 0l-2.300 2.600-3.700-1.600v-2.700c-1.600-.5-3.400-.5-5 0v2.700l-3.700 1.600z',
  send: 'M4 12l16-8-6 16-3-6.500z',
  close: 'M6 6l12 12M18 6L6 18',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.500v2M12 19.500v2M2.500 12h2M19.500 12h2M5.300 5.300l1.400 1.400M17.300 17.300l1.400 1.400M5.300 18.700l1.400-1.400M17.300 6.700l1.400-1.400',
  moon: 'M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z',
} as const;

export type Icon = keyof typeof PATHS;

/** A line drawing; decoration, so screen readers pass over it. */
export function icon(name: Icon): SVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', PATHS[name]);
  svg.append(path);
  return svg;
}

/** Gives a button its drawing and its words. */
export function dress(button: HTMLElement, name: Icon, text?: string): void {
  button.replaceChildren(icon(name), ...(text ? [make('span', { className: 'text' }, text)] : []));
  if (text) button.setAttribute('aria-label', text);
}

/** One or two letters that stand for a name. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  return words.slice(0, 2).map((word) => [...word][0] ?? '').join('').toUpperCase() || '?';
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
    const at = buttons.findIndex((button) => button === document.activeElement);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    buttons[(next + buttons.length) % buttons.length]?.focus();
  });
  const [first] = buttons;
  if (first) stopAt(first);
}

/** Waits for a dialog to be answered with one of its buttons; the escape key answers with nothing. */
export function ask(dialog: HTMLDialogElement): Promise<string> {
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener('close', () => resolve(dialog.returnValue), { once: true }));
}
