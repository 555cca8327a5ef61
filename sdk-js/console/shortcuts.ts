import { byId, make } from './dom.ts';

const OFF = 'tunrtc.no-shortcuts';

/** A key, what it does, and how. */
export interface Shortcut {
  key: string;
  text: string;
  act(): void;
}

/**
 * Single keys for what is done often in a call; they do nothing while something is written or a dialog is open. Those who speak to
 * their computer, or whose hands tremble, can switch them off (WCAG 2.1.4).
 */
export function startShortcuts(shortcuts: readonly Shortcut[]): void {
  const dialog = byId<HTMLDialogElement>('help-dialog');
  const all = [...shortcuts, { key: '?', text: 'Show this', act: () => dialog.showModal() }];
  byId('keys').replaceChildren(...all.flatMap(({ key, text }) => [make('dt', {}, make('kbd', {}, key.toUpperCase())), make('dd', {}, text)]));
  byId('help').onclick = () => dialog.showModal();
  const isOn = byId<HTMLInputElement>('with-shortcuts');
  isOn.checked = localStorage.getItem(OFF) === null;
  isOn.onchange = () => (isOn.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, 'yes'));
  addEventListener('keydown', (event) => {
    const shortcut = all.find(({ key }) => key === event.key.toLowerCase());
    if (!shortcut || !isOn.checked || isMeantOtherwise(event)) return;
    if (shortcut.key !== '?' && document.body.dataset['view'] !== 'call') return;
    event.preventDefault();
    shortcut.act();
  });
}

function isMeantOtherwise({ altKey, ctrlKey, metaKey, repeat, target }: KeyboardEvent): boolean {
  if (altKey || ctrlKey || metaKey || repeat || document.querySelector('dialog[open]')) return true;
  return target instanceof HTMLElement && target.matches('input:not([type=checkbox]), select, textarea');
}
