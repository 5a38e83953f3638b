/** The page's style and script, inlined and allowed by their hashes. */

export const style = `
:root { --ink: #16202b; --soft: #51606f; --paper: #fbfcfd; --card: #fff; --line: #d5dde5; --brand: #0b5fae; --on-brand: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8eef4; --soft: #a5b3c1; --paper: #10161d; --card: #18212b; --line: #2f3d4b; --brand: #79b8ff; --on-brand: #0c141c; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; }
header, main, footer { max-width: 54rem; margin: 0 auto; padding: 1rem 1.25rem; }
header { padding-top: 2.5rem; }
.name { margin: 0; font-weight: 700; color: var(--brand); letter-spacing: .02em; }
.name span { font-weight: 400; color: var(--soft); }
h1 { font-size: clamp(1.6rem, 5vw, 2.4rem); line-height: 1.2; margin: .4rem 0 1rem; text-wrap: balance; }
h2 { margin-top: 2rem; }
h3 { margin: 0 0 .4rem; }
p { margin: .6rem 0; }
a { color: var(--brand); }
:focus-visible { outline: 3px solid var(--brand); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: .5rem 1rem; }
.button, button { display: inline-block; border: 1px solid var(--brand); border-radius: .45rem; padding: .55rem 1rem; min-height: 2.75rem;
  background: var(--brand); color: var(--on-brand); font: inherit; font-weight: 600; text-decoration: none; cursor: pointer; }
article, [role=tabpanel], form { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; padding: 1.1rem 1.25rem; margin: 1rem 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: .8rem 0 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: .92em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { overflow-x: auto; margin: .6rem 0 0; }
[role=tabpanel] { position: relative; }
.copy { position: absolute; right: 1rem; top: .8rem; min-height: 0; padding: .25rem .7rem; background: transparent; color: var(--brand); }
.tabs { display: flex; gap: .5rem; flex-wrap: wrap; }
.tabs[hidden] { display: none; }
.tabs [aria-selected=false] { background: transparent; color: var(--brand); }
.tabbed [role=tabpanel] h3 { display: none; }
form { display: grid; gap: .6rem; max-width: 30rem; }
input { font: inherit; padding: .55rem; border: 1px solid var(--line); border-radius: .45rem; background: var(--paper); color: var(--ink); }
footer { color: var(--soft); padding-bottom: 3rem; }
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
        body: JSON.stringify({ query: '{ products { name title owner topicTemplate description } }' }),
      });
      const { data, errors } = await answer.json();
      if (!data) throw new Error(errors?.[0]?.message ?? 'No answer.');
      mine.replaceChildren(...data.products.map((product) => {
        const article = document.createElement('article');
        const title = document.createElement('h3');
        title.textContent = product.title + ' (' + product.name + ')';
        const text = document.createElement('p');
        text.textContent = [product.description, product.owner && 'Owner: ' + product.owner, product.topicTemplate].filter(Boolean).join(' · ');
        article.append(title, text);
        return article;
      }));
      if (!data.products.length) mine.textContent = 'This key has no grant yet.';
    } catch (error) { mine.textContent = error.message; }
  });
})();
`;
