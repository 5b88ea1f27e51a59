/* What every page needs besides Gradio's own script: a title, a way past the navigation, radio buttons that
   are groups, and the focus where the reader's last step led. */
(() => {
  const STUDIO = 'Adaptation Studio';
  const STEP = 'studio-step', SAID = 'studio-said';
  let isLeaving = false;
  const inMain = (selector) => document.querySelector(`main ${selector}`);

  /* The next page takes the focus to its heading, past the navigation, as the reader asked for it. It repeats
     the message of success in `said`, the HTML of this page's alert. */
  window.studioStep = (url, said = '') => {
    if (!url) return;
    const done = new DOMParser().parseFromString(said || '', 'text/html').querySelector('.done');
    if (done) sessionStorage.setItem(SAID, done.textContent);
    sessionStorage.setItem(STEP, new URL(url, document.baseURI).pathname);
    isLeaving = true;  // what is kept for the next page is not for this one, which may still change
    window.location.assign(url);
  };

  /* Keeps choices in the page's address, so that a reload or a sent link shows them again. */
  window.studioKeep = (choices) => {
    const address = new URL(window.location.href);
    for (const [name, value] of Object.entries(choices)) {
      if (value === null || value === undefined || value === '') address.searchParams.delete(name);
      else address.searchParams.set(name, value);
    }
    window.history.replaceState(window.history.state, '', address);
  };

  function skipLink() {
    if (document.querySelector('.skip')) return;
    const link = document.createElement('a');
    link.className = 'skip';
    link.href = '#content';
    link.textContent = 'Skip to the page’s content';
    link.addEventListener('click', (event) => { event.preventDefault(); focusHeading(); });
    document.body.prepend(link);
  }

  function focusHeading() {
    const heading = inMain('h1');
    if (!heading) return false;
    heading.tabIndex = -1;
    heading.focus();
    return true;
  }

  function title() {
    const here = document.querySelector('nav a.active')?.textContent.trim();
    const wanted = here ? `${here} – ${STUDIO}` : STUDIO;
    if (document.title !== wanted) document.title = wanted;
  }

  /* Gradio gives each button of a group a name of its own, so that every one is a stop of the Tab key. */
  function group(button) {
    const set = button.closest('fieldset');
    if (!set) return;
    const kind = button.type === 'radio' ? 'radiogroup' : 'group';
    if (set.getAttribute('role') !== kind) set.setAttribute('role', kind);
    const words = set.querySelector('[data-testid=block-info]')?.textContent.trim() || set.dataset.title;
    if (words && set.getAttribute('aria-label') !== words) set.setAttribute('aria-label', words);
    if (button.type !== 'radio') return;
    set.id ||= `group-${document.querySelectorAll('fieldset[id]').length}`;
    const name = `${set.id}-choice`;
    if (button.name === name) return;
    const checked = button.checked;
    button.name = name;
    if (checked) button.checked = true;
  }

  function arrive() {
    if (sessionStorage.getItem(STEP) !== window.location.pathname) return;
    const taken = document.activeElement && document.activeElement !== document.body;
    if (taken || focusHeading()) sessionStorage.removeItem(STEP);
  }

  function repeat() {
    const said = sessionStorage.getItem(SAID), header = inMain('.heading header');
    if (!said || !header) return;
    sessionStorage.removeItem(SAID);
    const shown = document.createElement('div');
    shown.className = 'done';
    shown.setAttribute('role', 'status');
    shown.textContent = said;
    header.append(shown);
  }

  /* What an alert or the card says of a setting stands at its field too. */
  function notes() {
    const said = new Map();
    document.querySelectorAll('[role=alert] [data-field], .odd [data-field]').forEach((line) => {
      if (!said.has(line.dataset.field)) said.set(line.dataset.field, line);
    });
    document.querySelectorAll('.field-note').forEach((note) => {
      if (!said.has(note.dataset.of)) mark(note.dataset.of, null);
    });
    said.forEach((line, field) => mark(field, line));
  }

  function mark(field, line) {
    const place = document.getElementById(`setting-${field}`);
    const input = place?.querySelector('input, textarea');
    let note = document.getElementById(`note-${field}`);
    if (!line || !input) {
      note?.remove();
      input?.removeAttribute('aria-describedby');
      input?.removeAttribute('aria-invalid');
      return;
    }
    const title = line.querySelector('b')?.textContent || '';
    const words = line.textContent.trim().replace(`${title}:`, '').trim();
    if (!note) {
      note = Object.assign(document.createElement('p'), {className: 'field-note', id: `note-${field}`});
      note.dataset.of = field;
      place.append(note);
    }
    if (note.textContent !== words) note.textContent = words;
    input.setAttribute('aria-describedby', note.id);
    if (line.closest('[role=alert]')) input.setAttribute('aria-invalid', 'true');
    else input.removeAttribute('aria-invalid');
  }

  function look() {
    if (isLeaving) return;
    skipLink();
    const heading = inMain('h1');
    if (heading) heading.id = 'content';
    title();
    document.querySelectorAll('fieldset input[type=radio], fieldset input[type=checkbox]').forEach(group);
    notes();
    repeat();
    arrive();
  }

  let waiting = 0;
  function later() {
    if (!waiting) waiting = window.setTimeout(() => { waiting = 0; look(); }, 50);
  }
  function begin() {
    look();
    new MutationObserver(later).observe(document.documentElement, {childList: true, subtree: true});
  }
  if (document.body) begin();
  else document.addEventListener('DOMContentLoaded', begin);
})();
