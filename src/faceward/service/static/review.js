// The comparison of a probe with a candidate: both move together, lie over each other, or change places.
const viewer = document.querySelector("[data-viewer]");
const panes = viewer.querySelector("[data-panes]");
const probe = viewer.querySelector('[data-pane="probe"]');
const boxes = [...viewer.querySelectorAll("[data-candidate]")];
const which = viewer.querySelector("[data-which]");
const version = viewer.querySelector("[data-version]");
const opacity = viewer.querySelector("#opacity");
const sync = viewer.querySelector("[data-sync]");
const modes = [...viewer.querySelectorAll('[name="mode"]')];
const LARGEST = 16;
const STEP = 1.25;
let shown = boxes[0];
let blinking = 0;

for (const part of viewer.querySelectorAll("[data-tools], [data-choices], [data-modes]")) part.hidden = false;
viewer.classList.add("live");

// Each pane has its own place, of which the movement of both changes every one alike. Lengths are shares of the pane.
const places = new Map();
const place = (pane) => {
  if (!places.has(pane)) places.set(pane, { x: 0, y: 0, scale: 1 });
  return places.get(pane);
};
const candidate = () => shown?.querySelector('[data-pane="candidate"]');
const both = () => [probe, candidate()].filter(Boolean);

function draw(pane) {
  const { x, y, scale } = place(pane);
  const picture = pane.querySelector("img");
  picture.style.transform = `translate(${x * pane.clientWidth}px, ${y * pane.clientHeight}px) scale(${scale})`;
}

function change(pane, alter) {
  for (const one of sync.checked ? both() : [pane]) {
    alter(place(one));
    draw(one);
  }
}

function zoom(pane, factor, atX = 0, atY = 0) {
  change(pane, (at) => {
    const next = Math.min(LARGEST, Math.max(0.5, at.scale * factor));
    const real = next / at.scale;
    at.x = atX + (at.x - atX) * real;
    at.y = atY + (at.y - atY) * real;
    at.scale = next;
  });
}

// The part of the picture, as it is fitted into its pane, that a face takes; the pane begins with that in its middle.
function centre(pane, face) {
  const at = place(pane);
  Object.assign(at, { x: 0, y: 0, scale: 1 });
  const picture = pane.querySelector("img");
  if (face && picture.naturalWidth) {
    const fit = Math.min(pane.clientWidth / picture.naturalWidth, pane.clientHeight / picture.naturalHeight);
    const wide = (picture.naturalWidth * fit) / pane.clientWidth;
    const high = (picture.naturalHeight * fit) / pane.clientHeight;
    const [x0, y0, x1, y1] = face;
    const share = Math.max((x1 - x0) * wide, (y1 - y0) * high);
    at.scale = Math.min(LARGEST, Math.max(1, 0.8 / share));
    at.x = -((x0 + x1) / 2 - 0.5) * wide * at.scale;
    at.y = -((y0 + y1) / 2 - 0.5) * high * at.scale;
  }
  draw(pane);
}

function begin() {
  const face = shown?.dataset.face?.split(" ").map(Number);
  for (const pane of both()) {
    const picture = pane.querySelector("img");
    const start = () => centre(pane, pane === probe ? face : null);
    if (picture.complete) start();
    else picture.addEventListener("load", start, { once: true });
  }
}

function show(number) {
  shown = boxes.find((box) => box.dataset.candidate === String(number)) ?? boxes[0];
  for (const box of boxes) box.hidden = box !== shown;
  if (which) which.value = shown?.dataset.candidate ?? "";
  begin();
  arrange();
}

function mode() {
  return modes.find((one) => one.checked).value;
}

function arrange() {
  clearInterval(blinking);
  panes.dataset.mode = mode();
  viewer.querySelector("[data-opacity]").hidden = mode() !== "over";
  for (const box of boxes) box.style.opacity = "";
  if (!shown) return;
  if (mode() === "over") shown.style.opacity = opacity.value / 100;
  if (mode() === "blink") {
    let on = true;
    // Once a second, far below what could harm anybody.
    blinking = setInterval(() => {
      on = !on;
      shown.style.opacity = on ? 1 : 0;
    }, 1000);
  }
  for (const pane of both()) draw(pane);
}

function wire(pane) {
  pane.tabIndex = 0;
  pane.setAttribute("aria-describedby", "viewer-help");
  const held = new Map();
  let span = 0;
  pane.addEventListener("pointerdown", (event) => {
    held.set(event.pointerId, event);
    pane.setPointerCapture(event.pointerId);
    span = 0;
  });
  for (const name of ["pointerup", "pointercancel"]) {
    pane.addEventListener(name, (event) => {
      held.delete(event.pointerId);
      span = 0;
    });
  }
  pane.addEventListener("pointermove", (event) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    held.set(event.pointerId, event);
    if (held.size === 2) {
      const [one, other] = [...held.values()];
      const apart = Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      if (span) zoom(pane, apart / span);
      span = apart;
      return;
    }
    const dx = (event.clientX - before.clientX) / pane.clientWidth;
    const dy = (event.clientY - before.clientY) / pane.clientHeight;
    change(pane, (at) => {
      at.x += dx;
      at.y += dy;
    });
  });
  pane.addEventListener("wheel", (event) => {
    event.preventDefault();
    const frame = pane.getBoundingClientRect();
    const atX = (event.clientX - frame.left) / frame.width - 0.5;
    const atY = (event.clientY - frame.top) / frame.height - 0.5;
    zoom(pane, event.deltaY < 0 ? STEP : 1 / STEP, atX, atY);
  }, { passive: false });
  pane.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    change(pane, (at) => {
      at.x += move[0] * 0.05;
      at.y += move[1] * 0.05;
    });
  });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input:not([type=radio], [type=checkbox]), textarea, select")) return;
  const pane = event.target.closest?.("[data-pane]") ?? probe;
  if (event.key === "+" || event.key === "=") zoom(pane, STEP);
  else if (event.key === "-") zoom(pane, 1 / STEP);
  else if (event.key === "0") begin();
  else if (event.key === "o") {
    const next = modes[(modes.findIndex((one) => one.checked) + 1) % modes.length];
    next.checked = true;
    arrange();
  }
});

for (const pane of viewer.querySelectorAll(".pane[data-pane]")) wire(pane);
for (const button of viewer.querySelectorAll("[data-zoom]")) {
  button.addEventListener("click", () => {
    if (button.dataset.zoom === "reset") begin();
    else zoom(probe, button.dataset.zoom === "in" ? STEP : 1 / STEP);
  });
}
for (const one of modes) one.addEventListener("change", arrange);
opacity.addEventListener("input", arrange);
which?.addEventListener("change", () => show(which.value));
version?.addEventListener("change", () => {
  probe.querySelector("img").src = version.value;
  probe.querySelector("img").addEventListener("load", begin, { once: true });
});
// Whoever fills in a candidate's form looks at that candidate.
for (const part of document.querySelectorAll("[data-answer]")) {
  part.addEventListener("focusin", () => {
    if (shown?.dataset.candidate !== part.dataset.answer) show(part.dataset.answer);
  });
}
window.addEventListener("resize", () => both().forEach(draw));
// A download leaves the page where it is.
for (const form of document.querySelectorAll("[data-download]")) {
  form.addEventListener("submit", () => setTimeout(() => delete form.dataset.sent, 1000));
}
show(boxes[0]?.dataset.candidate);
