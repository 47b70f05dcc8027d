// The live wall: asks for what changes once a second and puts in what differs, so that neither focus nor picture jumps.
const part = document.getElementById("live");
const lost = document.getElementById("live-lost");
const clock = document.getElementById("live-time");
const pause = document.getElementById("live-pause");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const SLOW = 10;
const { stopped } = document.getElementById("live-said").dataset;
let paused = false;
let asking = false;
let turn = 0;

// A picture is fetched first and shown when it is there; of those that come late, the newest is the one that is shown.
function show(image, source) {
  if (image.dataset.coming === source) return;
  image.dataset.coming = source;
  const next = new Image();
  next.onload = () => {
    if (image.dataset.coming === source) image.src = source;
  };
  next.onerror = () => {
    if (image.dataset.coming === source) delete image.dataset.coming;
  };
  next.src = source;
}

function attributes(here, there) {
  for (const { name, value } of [...there.attributes]) {
    if (here.getAttribute(name) === value) continue;
    if (name === "src" && here instanceof HTMLImageElement) show(here, value);
    else here.setAttribute(name, value);
  }
  for (const { name } of [...here.attributes]) {
    // What somebody has unfolded stays so.
    const own = name === "data-coming" || (name === "open" && here instanceof HTMLDetailsElement);
    if (!there.hasAttribute(name) && !own) here.removeAttribute(name);
  }
}

function alike(one, other) {
  return one?.nodeType === other.nodeType && one.nodeName === other.nodeName && (one.id ?? "") === (other.id ?? "");
}

// Makes one tree like another, and leaves alone what is the same. What has an identifier is found by it.
function patch(here, there) {
  if (here.nodeType === Node.TEXT_NODE) {
    if (here.data !== there.data) here.data = there.data;
    return;
  }
  if (here.nodeType !== Node.ELEMENT_NODE || here.isEqualNode(there)) return;
  attributes(here, there);
  let place = here.firstChild;
  for (const child of [...there.childNodes]) {
    const named = child.id ? [...here.children].find((one) => one.id === child.id) : null;
    if (named && named !== place) here.insertBefore(named, place);
    else if (!named && !alike(place, child)) {
      here.insertBefore(document.importNode(child, true), place);
      continue;
    }
    const same = named ?? place;
    place = same.nextSibling;
    patch(same, child);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

async function ask() {
  if (asking || paused || document.hidden) return;
  turn += 1;
  if (still.matches && turn % SLOW) return;
  asking = true;
  try {
    const answer = await fetch(part.dataset.now, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.createElement("div");
    for (const { name, value } of part.attributes) fresh.setAttribute(name, value);
    fresh.append(...page.body.childNodes);
    if (paused) return;
    patch(part, fresh);
    const told = document.getElementById("live-said").dataset;
    // Somebody stopped recognition, or two restarted it: what stands around the part changes too.
    if (told.stopped !== stopped) location.replace(location.pathname);
    clock.textContent = clock.dataset.text.replace("{time}", told.time);
    lost.hidden = true;
  } catch {
    lost.hidden = false;
  } finally {
    asking = false;
  }
}

pause.hidden = false;
pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  turn = SLOW - 1;
  ask();
});
document.addEventListener("visibilitychange", () => {
  turn = SLOW - 1;
  ask();
});
setInterval(ask, Number(part.dataset.every));
