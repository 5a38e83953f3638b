/** The page's style and script, inlined and allowed by their hashes, and its mark: a gate, raised, and the stream below it. */

export const mark = `<svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true" focusable="false"><path d="M5 3v16M27 3v16M5 5h22M9 9h14v6H9z" fill="none" stroke="currentColor" stroke-width="2.6" stroke-linejoin="round" stroke-linecap="round"/><path d="M3 23q4.3-3.4 8.6 0t8.6 0 8.6 0M3 29q4.3-3.4 8.6 0t8.6 0 8.6 0" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round"/></svg>`;

export const style = `
:root { --ink: #16202b; --soft: #51606f; --paper: #fbfcfd; --card: #fff; --line: #d5dde5; --brand: #0b5fae; --on-brand: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eef4; --soft: #a5b3c1; --paper: #10161d; --card: #18212b; --line: #2f3d4b; --brand: #79b8ff; --on-brand: #0c141c; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; }
header, main, footer { max-width: 60rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2.5rem; }
header > p { max-width: 44rem; }
.name { display: flex; align-items: center; gap: .5rem; margin: 0; font-size: 1.15rem; font-weight: 700; color: var(--brand); letter-spacing: .02em; }
.go { display: flex; flex-wrap: wrap; align-items: center; gap: .6rem 1.25rem; margin: 1.2rem 0 0; }
.name span { font-weight: 400; color: var(--soft); }
h1 { font-size: clamp(1.6rem, 5vw, 2.4rem); line-height: 1.2; margin: .4rem 0 1rem; text-wrap: balance; }
h2 { margin: 2.5rem 0 .8rem; }
h3 { margin: 0 0 .4rem; font-size: 1.15rem; }
h3 code { color: var(--soft); font-weight: 400; }
p { margin: .6rem 0; }
a { color: var(--brand); }
:focus-visible { outline: 3px solid var(--brand); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem 1rem; }
.button, button { display: inline-block; border: 1px solid var(--brand); border-radius: .45rem; padding: .55rem 1rem; min-height: 2.75rem;
  background: var(--brand); color: var(--on-brand); font: inherit; font-weight: 600; text-decoration: none; cursor: pointer; }
article, [role=tabpanel], form { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; padding: 1.1rem 1.25rem; margin: 0; }
.products { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 1rem; }
article { border-top: 3px solid var(--brand); min-width: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: .8rem 0 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: .92em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { overflow-x: auto; margin: 0; padding: .9rem 1.25rem 1.1rem; border-radius: 0 0 .7rem .7rem; }
pre:focus-visible { outline-offset: -3px; }
[role=tabpanel] { padding: 0; margin: 0 0 1rem; }
.bar { display: flex; align-items: center; justify-content: flex-end; padding: .5rem .6rem .5rem 1.25rem; border-bottom: 1px solid var(--line); }
.bar h3 { margin: 0 auto 0 0; }
.copy { min-height: 2.25rem; padding: .2rem .8rem; background: transparent; color: var(--brand); }
.tabs { display: flex; gap: .5rem; flex-wrap: wrap; margin: 1rem 0; }
.tabs[hidden] { display: none; }
.tabs [aria-selected=false] { background: transparent; color: var(--brand); }
.tabbed [role=tabpanel] h3 { display: none; }
form { display: grid; gap: .6rem; max-width: 30rem; }
#mine:not(:empty) { margin-top: 1rem; }
input { font: inherit; padding: .55rem; border: 1px solid var(--line); border-radius: .45rem; background: var(--paper); color: var(--ink); }
footer { color: var(--soft); padding-top: 1.5rem; padding-bottom: 3rem; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; } dt { margin-top: .4rem; } }
`;

export const script = `
(() => {
  const list = document.querySelector('[role=tablist]');
  const tabs = [...document.querySelectorAll('[role=tab]')];
  const select = (chosen, focus) => {
    for (const tab of tabs) {
      const on = tab === chosen;
      tab.setAttribute('aria-selected', String(on));
      tab.tabIndex = on ? 0 : -1;
      document.getElementById(tab.getAttribute('aria-controls')).hidden = !on;
    }
    if (focus) chosen.focus();
  };
  if (list && tabs.length) {
    list.hidden = false;
    list.parentElement.classList.add('tabbed');
    select(tabs[0], false);
    for (const tab of tabs) tab.addEventListener('click', () => select(tab, false));
    list.addEventListener('keydown', (event) => {
      const at = tabs.indexOf(document.activeElement);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      select(tabs[(to + tabs.length) % tabs.length], true);
    });
  }
  for (const button of document.querySelectorAll('[data-copy]')) {
    button.addEventListener('click', async () => {
      const text = document.getElementById(button.dataset.copy).textContent;
      try { await navigator.clipboard.writeText(text); button.textContent = 'Copied'; } catch { button.textContent = 'Select and copy'; }
    });
  }
  const form = document.getElementById('key-form');
  form?.addEventListener('submit', async (event) => {
    event.preventDefault();
    const mine = document.getElementById('mine');
    mine.textContent = 'Asking…';
    try {
      const answer = await fetch('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer ' + form.elements.key.value },
        body: JSON.stringify({ query: '{ products { name title owner version topicTemplate description } }' }),
      });
      const { data, errors } = await answer.json();
      if (!data) throw new Error(errors?.[0]?.message ?? 'No answer.');
      const element = (name, ...inside) => {
        const made = document.createElement(name);
        made.append(...inside);
        return made;
      };
      mine.replaceChildren(...data.products.map(({ name, title, owner, version, topicTemplate, description }) => {
        const facts = [['Owner', owner], ['Version', version], ['Topics', topicTemplate && element('code', topicTemplate)]];
        return element('article',
          element('h3', title + ' ', element('code', name)),
          element('p', description ?? ''),
          element('dl', ...facts.filter(([, fact]) => fact).flatMap(([term, fact]) => [element('dt', term), element('dd', fact)])));
      }));
      if (!data.products.length) mine.textContent = 'This key has no grant yet.';
    } catch (error) { mine.textContent = error.message; }
  });
})();
`;
