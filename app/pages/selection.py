"""The selection in the gallery: kept across filters and reloads, and what the button says about it."""

from __future__ import annotations

SELECT_JS = """
const KEPT = 'studio-selected', MOST = 4;
const known = () => JSON.parse(element.querySelector('form.choice')?.dataset.known || '[]');
const read = () => JSON.parse(sessionStorage.getItem(KEPT) || '[]').filter((name) => known().includes(name));
const boxes = () => [...element.querySelectorAll('input[name=models]')];

function words(chosen) {
  const hidden = chosen.filter((name) => !boxes().some((box) => box.value === name)).length;
  const also = hidden ? ` ${hidden} of them ${hidden === 1 ? 'is' : 'are'} not shown by the filters.` : '';
  if (!chosen.length) return 'Select one to compare it with its base, or two to four to compare them.';
  if (chosen.length > MOST) return `Select at most ${MOST}; ${chosen.length} are selected.${also}`;
  if (chosen.length === 1) return `“${chosen[0]}” is compared with its base.${also}`;
  return `${chosen.length} selected: ${chosen.join(', ')}.${also}`;
}

function show() {
  const form = element.querySelector('form.choice');
  if (!form) return;
  const chosen = read();
  boxes().forEach((box) => { box.checked = chosen.includes(box.value); });
  form.querySelector('button[type=submit]').disabled = !chosen.length || chosen.length > MOST;
  const told = form.querySelector('.picked'), said = words(chosen);
  if (told.textContent !== said) told.textContent = said;
}

element.addEventListener('change', (event) => {
  if (event.target.name !== 'models') return;
  const others = read().filter((name) => name !== event.target.value);
  sessionStorage.setItem(KEPT, JSON.stringify(event.target.checked ? [...others, event.target.value] : others));
  show();
});
element.addEventListener('submit', (event) => {
  event.preventDefault();
  if (event.submitter?.disabled) return;
  window.studioStep(`compare?models=${read().map(encodeURIComponent).join(',')}`);
}, true);
new MutationObserver(show).observe(element, {childList: true, subtree: true});
show();
"""
"""For the element with the cards, which filters redraw."""
