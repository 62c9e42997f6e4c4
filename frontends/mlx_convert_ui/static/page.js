// What every page does in the browser alone: menus by keyboard, lists that a screen reader can follow, text that is too
// long to be sent, and an app that is gone.

// Quasar draws lists and menus beside the page. Its list has a part that can take the focus for no reason, which keeps
// a screen reader from counting the options, and what stands beside the page belongs to no part of it.
new MutationObserver(() => {
  for (const place of document.querySelectorAll('[id^="q-portal--menu"]:not([role])')) {
    place.setAttribute("role", "region");
    place.setAttribute("aria-label", words("Choices"));
  }
  for (const part of document.querySelectorAll(".q-menu[role=listbox] > .q-virtual-scroll__content[tabindex]")) {
    part.removeAttribute("tabindex");
  }
}).observe(document.body, { childList: true, subtree: true });

const STEPS = { ArrowDown: 1, ArrowUp: -1 };
document.addEventListener("keydown", (event) => {
  const menus = [...document.querySelectorAll(".q-menu[role=menu], .q-menu [role=menu]")];
  const menu = menus.find((one) => one.closest(".q-menu").contains(event.target)) ?? menus.at(-1);
  if (!menu || !(event.key in STEPS || event.key === "Home" || event.key === "End")) return;
  const items = [...menu.querySelectorAll("[role=menuitem]:not([aria-disabled=true])")];
  if (!items.length) return;
  const here = items.indexOf(document.activeElement.closest("[role=menuitem]"));
  const before = here < 0 && event.key === "ArrowUp" ? items.length : here;
  const next = event.key === "Home" ? 0 : event.key === "End" ? -1 : (before + STEPS[event.key]) % items.length;
  event.preventDefault();
  event.stopPropagation();
  items.at(next).focus();
}, true);

// A field is sent whole, in one message; what is larger than a message would be dropped on the way, without a word.
const MOST = 900_000; // bytes, as JSON
const kept = new WeakMap(); // what each field held before
const bytes = (text) => new TextEncoder().encode(JSON.stringify(text)).length;

document.addEventListener("focusin", ({ target }) => {
  if (target.matches("input, textarea")) kept.set(target, target.value);
});
document.addEventListener("input", (event) => {
  const field = event.target;
  if (!field.matches("input, textarea")) return;
  if (field.value.length > MOST / 6 && bytes(field.value) > MOST) {
    const size = (bytes(field.value) / 1e6).toFixed(1);
    field.value = kept.get(field) ?? "";
    event.stopImmediatePropagation();
    say(words("That is too long: {size} MB of text, and a field takes 0.9 MB. The field is as it was before.", { size }));
  } else {
    kept.set(field, field.value);
  }
}, true);

function say(text) {
  document.querySelector(".page-says")?.remove();
  const box = make("div", "page-says", text);
  box.setAttribute("role", "alert");
  document.body.append(box);
  setTimeout(() => box.remove(), 10_000);
}

// The app may be gone, not only its connection: then nothing on the page works, and what to do is said instead.
const PATIENCE = 4000; // ms that a connection may take to come back by itself
const lost = document.getElementById("popup");
let waiting, focused;
new MutationObserver(() => {
  clearTimeout(waiting);
  if (lost.getAttribute("aria-hidden") === "false") waiting = setTimeout(tellGone, PATIENCE);
  else back();
}).observe(lost, { attributes: true, attributeFilter: ["aria-hidden"] });

function tellGone() {
  if (document.querySelector(".gone")) return;
  focused = document.activeElement;
  const box = make("div", "gone");
  const panel = make("div", "dialog");
  panel.setAttribute("role", "alertdialog");
  panel.setAttribute("aria-labelledby", "gone-title");
  panel.setAttribute("aria-describedby", "gone-text");
  const title = make("h2", "dialog-title", words("MLX Convert isn't responding"));
  title.id = "gone-title";
  const text = make("p", "dialog-text", words("It was closed, or this computer was asleep."));
  text.id = "gone-text";
  text.append(" ", words("Start MLX Convert again and continue in the tab that it opens. The queue continues by itself."));
  const again = make("button", "btn btn-primary", words("Check again"));
  again.type = "button";
  again.onclick = () => look(text);
  const actions = make("div", "dialog-actions");
  actions.append(again);
  panel.append(title, text, actions);
  box.append(panel);
  document.getElementById("app").inert = true;
  document.body.append(box);
  again.focus();
}

async function look(text) {
  text.textContent = words("Looking …");
  const answer = await fetch(location.href, { method: "HEAD" }).catch(() => null);
  if (answer?.ok) location.reload();
  else if (answer) text.textContent = words("It was started again with another key: continue in the tab that it opened.");
  else text.textContent = words("It still isn't responding. Start MLX Convert again and continue in the tab that it opens.");
}

function back() {
  if (!document.querySelector(".gone")) return;
  document.querySelector(".gone").remove();
  document.getElementById("app").inert = false;
  focused?.focus();
}

function make(tag, classes, text = "") {
  const element = document.createElement(tag);
  element.className = classes;
  element.textContent = text;
  return element;
}
