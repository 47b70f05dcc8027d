// The search page: a picture by drop, paste or choice; the boxes of faces over it, from the browser's own memory.
const form = document.getElementById("search-form");
const field = document.getElementById("photograph");
const drop = form?.querySelector("[data-drop]");
const shown = form?.querySelector("[data-shown]");
let address = "";

for (const button of document.querySelectorAll("[data-nojs]")) button.hidden = true;

function show(file) {
  if (address) URL.revokeObjectURL(address);
  address = "";
  shown.hidden = true;
  shown.replaceChildren();
  if (!file?.type.startsWith("image/")) return;
  address = URL.createObjectURL(file);
  const picture = document.createElement("img");
  picture.src = address;
  picture.alt = file.name;
  shown.append(picture);
  shown.hidden = false;
}

function take(files) {
  const found = [...(files ?? [])].filter((file) => file.type.startsWith("image/"));
  if (!found.length) return false;
  const carried = new DataTransfer();
  carried.items.add(found[0]);
  field.files = carried.files;
  show(found[0]);
  return true;
}

if (form) {
  field.addEventListener("change", () => show(field.files[0]));
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => {
    if (take(event.clipboardData?.files)) event.preventDefault();
  });
  show(field.files[0]);
}

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "result") return;
  const probe = event.detail.target.querySelector("[data-probe]");
  if (probe && address) {
    const picture = document.createElement("img");
    picture.src = address;
    picture.alt = "";
    probe.prepend(picture);
    probe.classList.add("pictured");
  }
  for (const item of event.detail.target.querySelectorAll("[data-for]")) {
    const face = event.detail.target.querySelector(`[data-face="${item.dataset.for}"]`);
    for (const [name, on] of [["pointerenter", true], ["pointerleave", false], ["focusin", true], ["focusout", false]]) {
      item.addEventListener(name, () => face?.classList.toggle("lit", on));
    }
  }
  // A search may have used up a mandate.
  if (window.htmx) window.htmx.trigger(document.body, "searched");
  event.detail.target.focus({ preventScroll: true });
  event.detail.target.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
});
document.addEventListener("htmx:afterRequest", () => {
  if (form) delete form.dataset.sent;
});
