// Where people write: Enter sends, Shift-Enter makes a line, @ and / offer what there is.
// Texts not yet sent are kept per conversation for as long as the tab lives.

const drafts = new Map();
const keys = {};
let offered = { people: [], commands: [] };
let send = () => {};

export function setUp(sender) {
  send = sender;
  for (const form of document.querySelectorAll(".composer")) watch(form);
}

export function setOffered(all) {
  offered = all;
}

export function field(pane) {
  return document.querySelector(`.composer[data-pane="${pane}"] textarea`);
}

// Opens a conversation in a composer; `notice` takes the place of the field where one cannot write.
export function open(pane, { key, placeholder, notice }) {
  const text = field(pane);
  if (keys[pane] !== key) {
    if (keys[pane]) drafts.set(keys[pane], text.value);
    keys[pane] = key;
    write(text, drafts.get(key) ?? "");
  }
  text.placeholder = placeholder;
  text.setAttribute("aria-label", placeholder);
  text.form.hidden = Boolean(notice);
  const box = document.getElementById(`${pane}-notice`);
  box.hidden = !notice;
  box.innerHTML = notice || "";
}

export function fill(pane, words) {
  const text = field(pane);
  write(text, words);
  text.focus();
  text.setSelectionRange(words.length, words.length);
  suggest(text.form);
}

// Gives back what could not be sent, unless something new was begun.
export function restore(pane, key, words) {
  if (keys[pane] === key && !field(pane).value) fill(pane, words);
  else if (!drafts.get(key)) drafts.set(key, words);
}

export function insert(pane, words) {
  const text = field(pane);
  text.focus();
  const isCommand = words.startsWith("/");
  if (isCommand) fill(pane, words);
  else {
    const gap = text.selectionStart && !/\s$/.test(text.value.slice(0, text.selectionStart));
    text.setRangeText((gap ? " " : "") + words, text.selectionStart, text.selectionEnd, "end");
    changed(text);
  }
}

function write(text, words) {
  text.value = words;
  changed(text);
}

function changed(text) {
  text.style.height = "auto";
  text.style.height = `${Math.min(text.scrollHeight, 220)}px`;
  text.form.querySelector(".send").disabled = !text.value.trim();
  suggest(text.form);
}

function watch(form) {
  const text = form.querySelector("textarea");
  text.addEventListener("input", () => changed(text));
  text.addEventListener("click", () => suggest(form));
  text.addEventListener("blur", () => setTimeout(() => hide(form), 150));
  text.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (chose(form, event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit(form);
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(form);
  });
}

function submit(form) {
  const text = form.querySelector("textarea");
  const words = text.value.trim();
  if (!words) return;
  const { pane } = form.dataset;
  send({ pane, key: keys[pane], text: words });
  drafts.delete(keys[pane]);
  write(text, "");
  hide(form);
}

// What fits the word before the caret: { start, options: [{ insert, label, hint, face }] }.
function matches(text) {
  const before = text.value.slice(0, text.selectionStart);
  const person = /(^|[\s(])@([\p{L}\w.-]*)$/u.exec(before);
  if (person) {
    const typed = person[2].toLowerCase();
    const options = offered.people.filter((p) =>
      `${p.label} ${p.insert}`.toLowerCase().split(/[\s@]+/).some((w) => w.startsWith(typed)),
    );
    return { start: before.length - person[2].length - 1, options };
  }
  if (before.startsWith("/") && !before.includes("\n") && text.closest("[data-pane=channel]")) {
    const options = offered.commands.filter(
      (c) => c.insert.startsWith(before) && c.insert.trim() !== before.trim(),
    );
    return { start: 0, options };
  }
  return { start: 0, options: [] };
}

function suggest(form) {
  const text = form.querySelector("textarea");
  const box = form.querySelector(".suggestions");
  const { start, options } = matches(text);
  const isActive = document.activeElement === text && options.length > 0;
  box.hidden = !isActive;
  text.setAttribute("aria-expanded", String(isActive));
  if (!isActive) return text.removeAttribute("aria-activedescendant");
  box.replaceChildren(...options.slice(0, 8).map((option, n) => row(form, option, n, start)));
  mark(form, 0);
}

function row(form, option, number, start) {
  const element = document.createElement("button");
  element.type = "button";
  element.id = `${form.dataset.pane}-option-${number}`;
  element.setAttribute("role", "option");
  element.tabIndex = -1;
  if (option.face) element.insertAdjacentHTML("beforeend", option.face);
  for (const [name, words] of [["label", option.label], ["hint", option.hint]]) {
    const span = element.appendChild(document.createElement("span"));
    span.className = `suggestion-${name}`;
    span.textContent = words || "";
  }
  element.addEventListener("pointerdown", (event) => event.preventDefault());
  element.addEventListener("click", () => take(form, option, start));
  element.take = () => take(form, option, start);
  return element;
}

function take(form, option, start) {
  const text = form.querySelector("textarea");
  text.setRangeText(`${option.insert}${option.insert.endsWith(" ") ? "" : " "}`, start,
    text.selectionStart, "end");
  changed(text);
  text.focus();
}

function mark(form, number) {
  const rows = [...form.querySelectorAll(".suggestions [role=option]")];
  const chosen = (number + rows.length) % rows.length;
  rows.forEach((each, n) => each.setAttribute("aria-selected", String(n === chosen)));
  form.querySelector("textarea").setAttribute("aria-activedescendant", rows[chosen].id);
  rows[chosen].scrollIntoView({ block: "nearest" });
}

function hide(form) {
  form.querySelector(".suggestions").hidden = true;
}

// Whether the key was for the suggestions. Enter sends a command that is complete as it stands.
function chose(form, event) {
  const box = form.querySelector(".suggestions");
  if (box.hidden) return false;
  const rows = [...box.querySelectorAll("[role=option]")];
  const here = rows.findIndex((each) => each.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown") mark(form, here + 1);
  else if (event.key === "ArrowUp") mark(form, here - 1);
  else if (event.key === "Escape") hide(form);
  else if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey)) rows[here].take();
  else return false;
  event.preventDefault();
  event.stopPropagation();
  return true;
}
