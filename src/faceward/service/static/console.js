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
