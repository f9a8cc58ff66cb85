// Light, dark, or as the system is.

import { byId, say } from '../kit/dom.js';

export function themeButton() {
  const root = document.documentElement;
  const show = () => say(byId('theme-word'), root.dataset.theme ?? 'auto');
  byId('theme').addEventListener('click', () => {
    const next = { auto: 'dark', dark: 'light', light: '' }[root.dataset.theme ?? 'auto'] ?? '';
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    localStorage.setItem('flightdeck-theme', next);
    show();
  });
  show();
}
