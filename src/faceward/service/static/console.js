// What every page does where scripts run: keys, the list of them, remembering nothing.
const dialog = document.getElementById("shortcuts");
for (const button of document.querySelectorAll("[data-open]")) {
  button.hidden = false;
  button.addEventListener("click", () => document.getElementById(button.dataset.open).showModal());
}

function typing(target) {
  return target.closest("input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]") !== null;
}

let waiting = 0;
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  const now = Date.now();
  if (waiting && now - waiting < 1500) {
    waiting = 0;
    const link = document.querySelector(`[data-letter="${CSS.escape(event.key.toLowerCase())}"]`);
    if (link) {
      event.preventDefault();
      link.click();
      return;
    }
  }
  if (event.key === "?") {
    event.preventDefault();
    dialog.showModal();
  } else if (event.key === "g") {
    waiting = now;
  } else if (event.key === "/") {
    const field = document.querySelector("main input:not([type=hidden], [type=checkbox], [type=radio]), main select, main textarea");
    if (field) {
      event.preventDefault();
      field.focus();
    }
  }
});

// Forms that must not go out twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "dialog" || form.hasAttribute("data-sign") || form.hasAttribute("data-again") || event.defaultPrevented) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});

// What was typed is kept in this tab until the next page, and filled in again where a form failed; secrets never are.
const KEPT = "faceward.typed";
const here = () => location.pathname + location.search;
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.closest("nav") || form.querySelector("#token")) return;
  const typed = [...new FormData(form)].filter(([name, value]) => {
    const field = form.elements[name];
    return typeof value === "string" && !["hidden", "password"].includes(field?.type) && field?.dataset?.secret === undefined;
  });
  sessionStorage.setItem(KEPT, JSON.stringify({ page: here(), action: form.getAttribute("action"), typed }));
});
{
  const kept = sessionStorage.getItem(KEPT);
  const failed = document.querySelector('[data-failed="sent"]') !== null;
  if (kept && !failed) {
    sessionStorage.removeItem(KEPT);
    const { page, action, typed, again } = JSON.parse(kept);
    if (again && page === here()) fill([...document.forms].find((form) => form.getAttribute("action") === action), typed);
  } else if (kept) {
    sessionStorage.setItem(KEPT, JSON.stringify({ ...JSON.parse(kept), again: true }));
  }
}

function fill(form, typed) {
  for (const [name, value] of typed) {
    const field = form?.elements[name];
    if (!field) continue;
    const boxes = field instanceof RadioNodeList ? [...field] : [field];
    for (const one of boxes) {
      if (one.type === "radio" || one.type === "checkbox") one.checked ||= one.value === value;
      else one.value = value;
    }
  }
}

// What stands behind the number sign (a link's secret) outlives a change of language or appearance in this tab alone.
const BEHIND = "faceward.behind";
const preferences = document.querySelector("form.preferences");
preferences?.addEventListener("submit", () => {
  const secret = location.hash.slice(1) || document.querySelector("#token[type=password]")?.value;
  if (secret) sessionStorage.setItem(BEHIND, JSON.stringify({ path: location.pathname, secret }));
});

window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// What comes by htmx carries the token; what fails is said.
document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["Faceward-CSRF"] = document.querySelector("meta[name=csrf]").content;
  event.detail.headers.Accept = "text/html";
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status >= 400) {
    event.detail.shouldSwap = event.detail.xhr.getResponseHeader("content-type")?.startsWith("text/html") ?? false;
    event.detail.isError = false;
  }
});

// Fields that say what is chosen elsewhere, and buttons that copy.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    say(button.dataset.copied);
  });
}

export function say(text) {
  const place = document.getElementById("said");
  const line = document.createElement("p");
  line.className = "sr";
  line.textContent = text;
  place.replaceChildren(line);
}
