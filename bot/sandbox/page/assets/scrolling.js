// Keeps each list where its reader is: at the newest message while they are there, else still.

const NEAR = 90;
const lists = {};

export function setUp() {
  for (const pane of ["channel", "thread"]) {
    const scroll = document.getElementById(`${pane}-scroll`);
    const state = { scroll, stuck: true, latest: document.getElementById(`${pane}-latest`) };
    lists[pane] = state;
    scroll.addEventListener("scroll", () => {
      state.stuck = isAtEnd(scroll);
      if (state.stuck && state.latest) state.latest.hidden = true;
      const earlier = scroll.scrollTop < 300 && scroll.querySelector("[data-act=earlier]");
      if (earlier && !earlier.disabled) {
        earlier.click();
        earlier.disabled = true;
      }
    }, { passive: true });
    scroll.addEventListener("load", () => state.stuck && toEnd(pane), true);
    new ResizeObserver(() => state.stuck && toEnd(pane)).observe(scroll);
  }
}

export function toEnd(pane) {
  const state = lists[pane];
  state.stuck = true;
  state.scroll.scrollTop = state.scroll.scrollHeight;
  if (state.latest) state.latest.hidden = true;
}

// Runs a change of the list. New rows at the top leave what is read where it was.
export function around(pane, change) {
  const { scroll, stuck, latest } = lists[pane];
  if (stuck) {
    change();
    return toEnd(pane);
  }
  const first = scroll.querySelector(".list > .message");
  const firstTop = first?.getBoundingClientRect().top;
  const last = scroll.querySelector(".list")?.lastElementChild?.id;
  change();
  if (first?.isConnected) scroll.scrollTop += first.getBoundingClientRect().top - firstTop;
  const isNewer = scroll.querySelector(".list")?.lastElementChild?.id !== last;
  if (latest && isNewer) latest.hidden = false;
}

export function show(row, pane) {
  lists[pane].stuck = false;
  // What is taller than the window is read from its head on.
  const isTall = row.offsetHeight > lists[pane].scroll.clientHeight;
  row.scrollIntoView({ block: isTall ? "start" : "center" });
  row.classList.remove("highlight");
  void row.offsetWidth;
  row.classList.add("highlight");
}

function isAtEnd(scroll) {
  return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR;
}
