// Places menus beside what opened them, and runs the shared dialogs: confirm, picture, toast.

let anchor = null;

export function openMenu(id, from) {
  anchor = from;
  const menu = document.getElementById(id);
  if (!menu.matches(":popover-open")) menu.showPopover();
  place(menu);
}

export function menuAnchor() {
  return anchor;
}

export function closeMenus() {
  for (const menu of document.querySelectorAll(".menu:popover-open")) menu.hidePopover();
}

document.addEventListener(
  "toggle",
  (event) => {
    const menu = event.target;
    if (!menu.popover || event.newState !== "open") return;
    if (menu.id === "toast") return;
    place(menu);
    menu.querySelector("button")?.focus({ preventScroll: true });
  },
  true,
);

document.addEventListener(
  "click",
  (event) => {
    anchor = event.target.closest("[popovertarget]") ?? anchor;
  },
  true,
);

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.(".menu");
  if (!menu || !["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) return;
  event.preventDefault();
  const items = [...menu.querySelectorAll("button")];
  const here = items.indexOf(document.activeElement);
  const step = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: items.length - 1 };
  items[(step[event.key] + items.length) % items.length]?.focus();
});

function place(menu) {
  if (!anchor?.isConnected || innerWidth <= 480) return;
  const from = anchor.getBoundingClientRect();
  const { width, height } = menu.getBoundingClientRect();
  const below = from.bottom + 6 + height <= innerHeight - 8;
  const top = below ? from.bottom + 6 : Math.max(8, from.top - 6 - height);
  const left = Math.min(Math.max(8, from.right - width), innerWidth - width - 8);
  const isSwitch = anchor.closest("#side-switch");
  menu.style.top = `${top}px`;
  menu.style.left = `${isSwitch ? from.left : left}px`;
}

// Resolves to whether the person agreed.
export function confirmed(question) {
  const dialog = document.getElementById("confirm");
  const yes = document.getElementById("confirm-yes");
  document.getElementById("confirm-title").textContent = question.title || "Are you sure?";
  document.getElementById("confirm-text").textContent = question.text || "";
  yes.textContent = question.confirm || "Confirm";
  document.getElementById("confirm-no").textContent = question.deny || "Cancel";
  yes.classList.toggle("danger", question.style === "danger");
  yes.classList.toggle("primary", question.style !== "danger");
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

export function enlarge(image) {
  const dialog = document.getElementById("lightbox");
  const large = dialog.querySelector("img");
  large.src = image.src;
  large.alt = image.alt;
  dialog.showModal();
  dialog.onclick = () => dialog.close();
}

let fading = 0;
export function toast(sentence, isTrouble) {
  const element = document.getElementById("toast");
  if (element.matches(":popover-open")) element.hidePopover(); // shown anew it is above dialogs
  element.showPopover();
  element.textContent = sentence;
  element.classList.toggle("is-trouble", Boolean(isTrouble));
  element.classList.add("shown");
  clearTimeout(fading);
  fading = setTimeout(() => element.classList.remove("shown"), isTrouble ? 7000 : 3000);
}
