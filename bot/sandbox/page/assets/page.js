// The page in the browser: reports what people do to the server, and draws what it answers.
// It decides nothing about messages, people or rights; all of that is in Python.

import * as composer from "./composer.js";
import { morphInner, morphRows } from "./morph.js";
import * as popovers from "./popovers.js";
import * as scrolling from "./scrolling.js";

const byId = (id) => document.getElementById(id);
let pickingFor = null;

function report(act, details = {}) {
  emitEvent("page", { act, ...details });
}

// Where an element stands: its message, its view.
function whereabouts(element) {
  const message = (element.closest(".menu") ? popovers.menuAnchor() ?? element : element)
    .closest("[data-ts]");
  const view = element.closest("[data-view]");
  return {
    ...(message && {
      channel: message.dataset.channel,
      ts: message.dataset.ts,
      thread: message.dataset.thread,
      pane: message.closest("#thread") ? "thread" : "channel",
    }),
    ...(view && { view: view.dataset.view }),
  };
}

function valueOf(element) {
  if (element.matches("fieldset")) {
    const chosen = [...element.querySelectorAll("input:checked")].map((each) => each.value);
    return element.dataset.type === "radio_buttons" ? chosen[0] ?? null : chosen;
  }
  if (element.multiple) return [...element.selectedOptions].map((each) => each.value);
  return element.value === "" ? null : element.value;
}

// Everything filled in within a view: block_id -> action_id -> value.
function filledIn(root) {
  const values = {};
  for (const each of root.querySelectorAll("[data-input]")) {
    (values[each.dataset.block] ??= {})[each.dataset.action] = valueOf(each);
  }
  return values;
}

async function pressed(element, value) {
  if (element.dataset.confirm && !(await popovers.confirmed(JSON.parse(element.dataset.confirm)))) {
    return;
  }
  const view = element.closest("[data-view]");
  popovers.closeMenus();
  report("block_action", {
    ...whereabouts(element),
    action: element.dataset.action,
    block: element.dataset.block,
    value: value ?? null,
    ...(view && { values: filledIn(view) }),
  });
}

const local = {
  block_action: (element) => pressed(element, element.dataset.value),
  open_drawer: () => document.body.classList.add("drawer"),
  close_drawer: closeDrawer,
  enlarge: (element) => popovers.enlarge(element),
  close_lightbox: () => byId("lightbox").close(),
  to_latest: (element) => scrolling.toEnd(element.dataset.pane),
  insert: (element) =>
    composer.insert(element.closest(".composer").dataset.pane, element.dataset.text),
  pick: (element) => {
    pickingFor = { message: whereabouts(element) };
    popovers.openMenu("picker", element);
  },
  pick_text: (element) => {
    pickingFor = { pane: element.closest(".composer").dataset.pane };
    popovers.openMenu("picker", element);
  },
  picked: (element) => {
    popovers.closeMenus();
    if (pickingFor.pane) composer.insert(pickingFor.pane, `:${element.dataset.name}: `);
    else report("react", { ...pickingFor.message, name: element.dataset.name });
  },
  menu: (element) => {
    popovers.openMenu("message-menu", element);
    report("menu", whereabouts(element));
  },
  pick_here: () => {
    const anchor = popovers.menuAnchor();
    popovers.closeMenus();
    pickingFor = { message: whereabouts(anchor) };
    popovers.openMenu("picker", anchor);
  },
  delete: async (element) => {
    const where = whereabouts(element);
    popovers.closeMenus();
    const question = { title: "Delete this message?", text: "It is gone for everybody.",
      confirm: "Delete", style: "danger" };
    if (await popovers.confirmed(question)) report("delete", where);
  },
};

function closeDrawer() {
  document.body.classList.remove("drawer");
}

document.addEventListener("click", (event) => {
  const element = event.target.closest("[data-act]");
  const card = event.target.closest("summary")?.parentElement;
  if (card) card.dataset.touched = "1";
  if (!element) return tapped(event);
  const isLink = element.matches("a") && !element.target;
  if (isLink && (event.metaKey || event.ctrlKey || event.shiftKey)) return;
  if (isLink) event.preventDefault();
  const { act } = element.dataset;
  if (local[act]) return local[act](element);
  const where = whereabouts(element);
  const isForward = !["open_thread", "react"].includes(act);
  if (element.closest(".menu")) popovers.closeMenus();
  if (isForward && element.closest("#sidebar, #people-menu")) closeDrawer();
  report(act, { ...where, ...element.dataset });
});

// On a touch screen a tap on a message shows what can be done with it.
function tapped(event) {
  const own = event.target.closest?.("a[href]");
  if (own && openHere(own)) return event.preventDefault();
  if (!matchMedia("(pointer: coarse)").matches) return;
  const message = event.target.closest?.(".message");
  if (event.target.closest?.("a, button, input, select, textarea, summary, label")) return;
  for (const each of document.querySelectorAll(".message.tapped")) {
    if (each !== message) each.classList.remove("tapped");
  }
  message?.classList.toggle("tapped");
}

// Links to messages of this workspace open inside the page.
function openHere(link) {
  const url = new URL(link.href, location.href);
  const isHere = ["localhost", "127.0.0.1", "[::1]", location.hostname].includes(url.hostname);
  if (!isHere || url.port !== location.port || !url.pathname.startsWith("/archives/")) return false;
  report("navigate", { path: url.pathname, search: url.search });
  return true;
}

document.addEventListener("change", (event) => {
  const { target } = event;
  if (target.dataset.change !== "block_action" || target.closest(".kit-input")) return;
  const element = target.closest("[data-action]");
  pressed(element, valueOf(element));
});

document.addEventListener("submit", (event) => {
  const act = event.target.dataset.submit;
  if (!act) return;
  event.preventDefault();
  if (act === "view_submit") {
    event.target.classList.add("waiting");
    report(act, { view: event.target.dataset.view, values: filledIn(event.target) });
  } else {
    const fields = Object.fromEntries(new FormData(event.target));
    report(act, { ...whereabouts(event.target), ...fields });
  }
});

document.addEventListener("keydown", (event) => {
  const { target } = event;
  if (event.key === "Enter" && target.matches?.("img[data-act=enlarge]")) popovers.enlarge(target);
  if (event.key === "Enter" && !event.shiftKey && target.matches?.(".edit-form textarea")) {
    event.preventDefault();
    target.form.requestSubmit();
  }
  const isFree = !event.defaultPrevented && !document.querySelector("dialog[open], .menu:popover-open");
  if (event.key !== "Escape" || !isFree) return;
  if (document.body.classList.contains("drawer")) return closeDrawer();
  if (target.closest?.(".edit-form")) return report("cancel_edit");
  if (!byId("thread").hidden) report("close_thread");
});

addEventListener("popstate", () =>
  report("navigate", { path: location.pathname, search: location.search, isBack: true }),
);

function showModal(html) {
  const dialog = byId("modal");
  if (html === null) {
    if (dialog.open) dialog.close();
    dialog.replaceChildren();
    return takeKeysAgain();
  }
  const before = dialog.firstElementChild?.id;
  morphInner(dialog, html);
  const isNew = before !== dialog.firstElementChild.id;
  dialog.querySelector("form").classList.remove("waiting");
  if (!dialog.open) dialog.showModal();
  const wrong = dialog.querySelector("[aria-invalid=true]");
  const first = wrong ?? (isNew && dialog.querySelector("[autofocus], .modal-body .field"));
  const isTyping = !matchMedia("(pointer: coarse)").matches; // on a phone the keyboard would cover it
  if (first && (wrong || isTyping)) first.focus();
  else if (isNew) dialog.querySelector("#modal-title").focus();
}

// Closing a dialog gives the field its focus back but, in Chromium, not its caret: keys are lost.
function takeKeysAgain() {
  const { activeElement } = document;
  if (!activeElement?.matches("textarea, input")) return;
  activeElement.blur();
  activeElement.focus();
}

function beginEditing(editor) {
  editor.dataset.begun = "1";
  editor.focus();
  editor.setSelectionRange(editor.value.length, editor.value.length);
}

function setUpModal() {
  const dialog = byId("modal");
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    const view = dialog.querySelector("[data-view]")?.dataset.view;
    if (view) report("view_close", { view });
  });
}

// What the server may ask for; each takes the arguments it was sent with.
const asked = {
  html: (id, html) => morphInner(byId(id), html),
  rows: (pane, order, changed) =>
    scrolling.around(pane, () => morphRows(byId(`${pane}-list`), order, changed)),
  replace: (pane, html) => {
    byId(`${pane}-list`).innerHTML = html;
    scrolling.toEnd(pane);
  },
  end: (pane) => scrolling.toEnd(pane),
  show: (pane, id) => {
    const row = byId(id);
    if (row) scrolling.show(row, pane);
  },
  // Shows what can be done with a message, as a tap does: who has no mouse over it sees it too.
  tools: (id) => byId(id)?.classList.add("tapped"),
  hidden: (id, isHidden) => {
    byId(id).hidden = isHidden;
  },
  state: (name, value) => {
    document.body.dataset[name] = value;
  },
  composer: (pane, options) => composer.open(pane, options),
  fill: (pane, words) => composer.fill(pane, words),
  restore: (pane, key, words) => composer.restore(pane, key, words),
  offer: (all) => composer.setOffered(all),
  focus: (pane) => !matchMedia("(pointer: coarse)").matches && composer.field(pane).focus(),
  modal: showModal,
  toast: (sentence, isTrouble) => popovers.toast(sentence, isTrouble),
  title: (words) => {
    document.title = words;
  },
  address: (url, isNew) => {
    if (url === location.pathname + location.search) return;
    history[isNew ? "pushState" : "replaceState"](null, "", url);
  },
  remember: (name, value) => localStorage.setItem(`apprentice-${name}`, value),
  copy: async (words) => {
    try {
      await navigator.clipboard.writeText(words);
      popovers.toast("Link copied.");
    } catch {
      popovers.toast(words);
    }
  },
};

globalThis.Page = {
  apply(orders) {
    for (const [name, ...details] of orders) asked[name](...details);
    const editor = document.querySelector(".edit-form textarea:not([data-begun])");
    if (editor) beginEditing(editor);
  },
  start() {
    document.body.classList.add("ready");
    report("hello", {
      path: location.pathname,
      search: location.search,
      user: localStorage.getItem("apprentice-actor"),
      guide: localStorage.getItem("apprentice-guide"),
      width: innerWidth,
    });
  },
};

scrolling.setUp();
setUpModal();
composer.setUp((what) => report("send", what));
dispatchEvent(new Event("page-ready"));
