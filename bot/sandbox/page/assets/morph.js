// Changes a piece of the page into new HTML by touching only what differs, so that typed text,
// focus, open menus and loaded pictures survive. Elements with an id are matched by it.

export function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

export function morphInner(element, html) {
  morphChildren(element, parse(html));
}

export function morphNode(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  morphAttributes(old, fresh);
  morphChildren(old, fresh);
}

// Rows of a list by id: `order` null means "as before", `changed` maps ids to HTML.
export function morphRows(list, order, changed) {
  if (order === null) {
    for (const [id, html] of Object.entries(changed)) {
      const row = document.getElementById(id);
      if (row) morphNode(row, parse(html).firstElementChild);
    }
    return;
  }
  const present = new Map([...list.children].map((child) => [child.id, child]));
  const wanted = new Set(order);
  for (const [id, child] of present) if (!wanted.has(id)) child.remove();
  let cursor = list.firstElementChild;
  for (const id of order) {
    let row = present.get(id);
    if (id in changed) {
      const fresh = parse(changed[id]).firstElementChild;
      if (row && row.nodeName === fresh.nodeName) morphNode(row, fresh);
      else {
        if (row && row === cursor) cursor = cursor.nextElementSibling;
        row?.remove();
        row = fresh;
      }
    }
    if (!row) continue;
    if (row === cursor) cursor = cursor.nextElementSibling;
    else list.insertBefore(row, cursor);
  }
}

function morphAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !isKeptByBrowser(old, name)) old.removeAttribute(name);
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value && !isKeptByBrowser(old, name)) {
      old.setAttribute(name, value);
    }
  }
}

// What a person did in the browser is not undone by a redraw: an opened card, a tapped message.
function isKeptByBrowser(element, name) {
  return (name === "open" && element.dataset.touched) || ["data-touched", "data-begun"].includes(name);
}

function isAlike(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id || "") === (b.id || "");
}

function morphChildren(parent, fresh) {
  let old = parent.firstChild;
  for (const next of [...fresh.childNodes]) {
    if (next.id) {
      const keyed = [...parent.children].find((child) => child.id === next.id);
      if (keyed && keyed !== old) {
        parent.insertBefore(keyed, old);
        old = keyed;
      }
    }
    if (old && !isAlike(old, next) && old.nextSibling && isAlike(old.nextSibling, next)) {
      const gone = old;
      old = old.nextSibling;
      gone.remove();
    }
    if (old && isAlike(old, next)) {
      morphNode(old, next);
      old = old.nextSibling;
    } else {
      parent.insertBefore(next, old);
    }
  }
  while (old) {
    const following = old.nextSibling;
    old.remove();
    old = following;
  }
}
