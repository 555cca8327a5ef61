import { byId, dress } from './dom.ts';

const KEY = 'tunrtc.theme';
const system = matchMedia('(prefers-color-scheme: dark)');

function isDark(): boolean {
  const chosen = document.documentElement.dataset['theme'];
  return chosen ? chosen === 'dark' : system.matches;
}

/** Follows the system until a choice is made; the choice is kept. */
export function startTheme(): void {
  const button = byId('theme');
  const chosen = localStorage.getItem(KEY);
  if (chosen) document.documentElement.dataset['theme'] = chosen;
  const show = () => dress(button, isDark() ? 'sun' : 'moon');
  button.onclick = () => {
    const next = isDark() ? 'light' : 'dark';
    document.documentElement.dataset['theme'] = next;
    localStorage.setItem(KEY, next);
    show();
  };
  system.addEventListener('change', show);
  show();
}
