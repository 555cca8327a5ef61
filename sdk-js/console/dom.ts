import { entitle, icon, make, type Icon } from '../src/ui/dom.ts';

export { clock, drawing, entitle, icon, initials, make, startToolbar, type Icon } from '../src/ui/dom.ts';

/** Finding and making elements. */

/** The element of the page with this id; the page is ours, so it is there. */
export function byId<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element as Kind;
}

/** Gives a button its drawing and its words. */
export function dress(button: HTMLElement, name: Icon, text?: string, isOff = false): void {
  button.replaceChildren(icon(name, isOff), ...(text ? [make('span', { className: 'text' }, text)] : []));
  if (text) entitle(button, text);
}

/** Waits for a dialog to be answered with one of its buttons; the escape key answers with nothing. */
export function ask(dialog: HTMLDialogElement): Promise<string> {
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener('close', () => resolve(dialog.returnValue), { once: true }));
}
