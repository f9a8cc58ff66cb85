// Light or dark, before anything is drawn. A classic script: a module would come after the first paint.
(() => {
  const chosen = localStorage.getItem('flightdeck-theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
})();
