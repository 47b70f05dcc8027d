// Passkeys in the browser: making one, signing in, and signing what an act needs (W3C Web Authentication Level 2).
//
//   <form method="post" action="…" data-sign>        is sent as always; where the service answers 428, what is to be
//                                                     signed is shown, the passkey signs it, and the form is sent again.
//   <form … data-sign data-sign-target="#list">       puts the answer into that element, instead of going where it leads.
//   await faceward.send(url, {method, body, headers}) does the same for other scripts, and returns the last response.
//
// A form without this script cannot be signed; pages that only show something do not need it.

const TEXTS = {
  en: {
    title: "Sign with your passkey",
    lead: "This is what you sign. It is kept, and anybody can check later that you did.",
    sign: "Sign",
    cancel: "Cancel",
    all: "Exactly what is signed",
    fingerprint: "fingerprint of the key",
    cancelled: "Nothing was signed, and nothing was done.",
    noPasskey: "This browser cannot use passkeys here. Open this page over HTTPS in a current browser.",
    elsewhere: "Passkeys work only under the service's own address, as it is printed when it starts; 127.0.0.1 is not localhost.",
    noKey: "Your key is no passkey. Sign with ssh-keygen and the command line instead.",
    failed: "It failed. Try again.",
    waiting: "Waiting for your passkey …",
    noLink: "The address of this page has no link in it. Open the whole link that you were given, with what stands behind the sign #.",
    badLink: "This link lets nobody in: it was used already, has ended, never was one, or somebody was first. Ask for another.",
    founded: "You are the first person here. Sign in with your new passkey.",
    offered: "Your passkey is waiting for the person who invited you. Tell them its fingerprint, and sign in once you were added.",
  },
  de: {
    title: "Mit dem Passkey unterschreiben",
    lead: "Das unterschreiben Sie. Es wird aufbewahrt, und jeder kann später prüfen, dass Sie es waren.",
    sign: "Unterschreiben",
    cancel: "Abbrechen",
    all: "Genau das wird unterschrieben",
    fingerprint: "Fingerabdruck des Schlüssels",
    cancelled: "Nichts wurde unterschrieben, und nichts ist geschehen.",
    noPasskey: "Dieser Browser kann hier keine Passkeys benutzen. Öffnen Sie die Seite über HTTPS in einem aktuellen Browser.",
    elsewhere: "Passkeys gelten nur unter der eigenen Adresse des Dienstes, wie er sie beim Start nennt; 127.0.0.1 ist nicht localhost.",
    noKey: "Ihr Schlüssel ist kein Passkey. Unterschreiben Sie mit ssh-keygen und der Befehlszeile.",
    failed: "Es ging nicht. Versuchen Sie es noch einmal.",
    waiting: "Warten auf Ihren Passkey …",
    noLink: "In der Adresse dieser Seite fehlt der Link. Öffnen Sie den ganzen Link, den Sie bekommen haben, mit allem hinter dem Zeichen #.",
    badLink: "Dieser Link lässt niemanden hinein: Er wurde schon benutzt, ist abgelaufen, war nie einer, oder jemand war schneller. Bitten Sie um einen neuen.",
    founded: "Sie sind die erste Person hier. Melden Sie sich mit Ihrem neuen Passkey an.",
    offered: "Ihr Passkey wartet auf die Person, die Sie eingeladen hat. Nennen Sie ihr den Fingerabdruck, und melden Sie sich an, sobald Sie aufgenommen sind.",
  },
};
// What says most stands first; the rest is there too, since it is signed as well.
const FIRST = ["kind", "act", "decision", "approver", "person", "requester", "about", "text", "request", "body"];
document.head.append(
  Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL("signing.css", import.meta.url).href }),
);
const say = (name) => (TEXTS[document.documentElement.lang.slice(0, 2)] ?? TEXTS.en)[name];
const REMEMBERED = "faceward.person";

class Told extends Error {
  constructor(text, status = 0) {
    super(text);
    this.status = status;
  }
}

const encode = (buffer) =>
  btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const decode = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) => character.charCodeAt(0));
const descriptors = (list) => (list ?? []).map((one) => ({ ...one, id: decode(one.id) }));

function creation(options) {
  return {
    ...options,
    challenge: decode(options.challenge),
    user: { ...options.user, id: decode(options.user.id) },
    excludeCredentials: descriptors(options.excludeCredentials),
  };
}

function request(options) {
  return { ...options, challenge: decode(options.challenge), allowCredentials: descriptors(options.allowCredentials) };
}

function plain(credential) {
  const { response } = credential;
  const told = { clientDataJSON: encode(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) told[name] = encode(response[name]);
  }
  if (response.getTransports) told.transports = response.getTransports();
  return {
    id: credential.id,
    rawId: encode(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: told,
  };
}

async function ask(how, publicKey) {
  if (!window.PublicKeyCredential) throw new Told(say("noPasskey"));
  try {
    const found = how === "create"
      ? await navigator.credentials.create({ publicKey: creation(publicKey) })
      : await navigator.credentials.get({ publicKey: request(publicKey) });
    return plain(found);
  } catch (error) {
    if (error.name === "SecurityError") throw new Told(say("elsewhere"));
    throw new Told(error.name === "NotAllowedError" || error.name === "AbortError" ? say("cancelled") : say("failed"));
  }
}

async function problemOf(response) {
  const type = response.headers.get("content-type") ?? "";
  return type.includes("json") ? await response.json() : { detail: say("failed") };
}

async function json(url, body) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json", ...token() },
    body: JSON.stringify(body),
  });
  const told = await problemOf(response);
  if (!response.ok) throw new Told(told.detail, response.status);
  return told;
}

function token() {
  const shown = document.querySelector('meta[name="csrf"]')?.content;
  return shown ? { "Faceward-CSRF": shown } : {};
}

// What is to be signed, for people: names on the left, values on the right.
function listing(value) {
  if (Array.isArray(value)) {
    if (value.every((one) => typeof one !== "object")) return document.createTextNode(value.join(", ") || "–");
    const list = document.createElement("ul");
    for (const one of value) {
      const item = document.createElement("li");
      item.append(listing(one));
      list.append(item);
    }
    return list;
  }
  if (value !== null && typeof value === "object") {
    const list = document.createElement("dl");
    const place = (name) =>
      name === say("fingerprint") ? -1 : FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length;
    const sorted = Object.entries(value).sort(([one], [other]) => place(one) - place(other));
    for (const [name, one] of sorted) {
      const term = document.createElement("dt");
      const what = document.createElement("dd");
      term.textContent = name;
      what.dir = "auto";
      what.append(listing(one));
      list.append(term, what);
    }
    return list;
  }
  return document.createTextNode(value === null || value === "" ? "–" : String(value));
}

function agreed(told) {
  const dialog = document.createElement("dialog");
  dialog.className = "signing";
  dialog.setAttribute("aria-labelledby", "signing-title");
  const title = Object.assign(document.createElement("h2"), { id: "signing-title", textContent: say("title") });
  const lead = Object.assign(document.createElement("p"), { textContent: say("lead") });
  const what = document.createElement("div");
  what.className = "signed";
  what.tabIndex = 0;
  // Keys are compared by their fingerprints; the message has a key's line, or names a request by its digest alone.
  const keys = told.fingerprints?.length ? { [say("fingerprint")]: told.fingerprints } : {};
  what.append(listing({ ...keys, ...told.shown }));
  const exact = document.createElement("details");
  const bytes = new TextDecoder().decode(decode(told.message));
  exact.append(Object.assign(document.createElement("summary"), { textContent: say("all") }));
  exact.append(Object.assign(document.createElement("pre"), { textContent: bytes }));
  const form = document.createElement("form");
  form.method = "dialog";
  form.className = "actions";
  form.append(Object.assign(document.createElement("button"), { value: "cancel", textContent: say("cancel") }));
  form.append(Object.assign(document.createElement("button"), { value: "sign", className: "primary", textContent: say("sign") }));
  dialog.append(title, lead, what, exact, form);
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "sign");
    });
    dialog.showModal();
    form.lastChild.focus();
  });
}

async function send(url, { method = "POST", body, headers = {} } = {}) {
  let brought = {};
  for (;;) {
    const response = await fetch(url, {
      method,
      body,
      headers: { Accept: "application/json, text/html;q=0.9", ...token(), ...headers, ...brought },
    });
    if (response.status !== 428) return response;
    const told = await response.json();
    if (!told.publicKey) throw new Told(told.prepared ? say("noKey") : told.detail);
    if (!(await agreed(told))) throw new Told(say("cancelled"));
    const assertion = await ask("get", told.publicKey);
    brought = {
      "Faceward-Prepared": told.prepared,
      "Faceward-Assertion": encode(new TextEncoder().encode(JSON.stringify(assertion))),
    };
  }
}

function tell(form, text, kind = "bad") {
  let place = form.querySelector(".told");
  if (!place) {
    place = document.createElement("p");
    form.append(place);
  }
  place.className = `told notice ${kind}`;
  place.setAttribute("role", kind === "bad" ? "alert" : "status");
  place.textContent = text;
}

function busy(form, on) {
  form.setAttribute("aria-busy", String(on));
  for (const button of form.querySelectorAll("button")) button.disabled = on;
  if (on) tell(form, say("waiting"), "info");
}

async function guarded(form, what) {
  busy(form, true);
  try {
    await what();
    form.querySelector(".told.info")?.remove();
  } catch (error) {
    if (!(error instanceof Told)) console.error(error);
    tell(form, error instanceof Told ? error.message : say("failed"));
  } finally {
    busy(form, false);
    form.querySelector(".told.info")?.remove();
  }
}

async function submitted(form, button) {
  const body = new FormData(form, button);
  const action = button?.getAttribute("formaction") ?? form.getAttribute("action") ?? location.href;
  const files = form.enctype === "multipart/form-data";
  const response = await send(action, { body: files ? body : new URLSearchParams(body) });
  if (!response.ok) throw new Told((await problemOf(response)).detail ?? say("failed"));
  const target = form.dataset.signTarget && document.querySelector(form.dataset.signTarget);
  if (target) {
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    target.replaceChildren(...(page.querySelector(form.dataset.signTarget) ?? page.body).childNodes);
    form.dispatchEvent(new CustomEvent("signed", { bubbles: true }));
  } else {
    location.assign(response.redirected ? response.url : location.href);
  }
}

async function signIn(form) {
  const name = form.elements.person.value.trim();
  let step = await json("/auth/sign-in/options", name ? { person: name } : {});
  if (!name) {
    // The passkey says whose it is; what it signs to open the session names its person, so it signs a second time.
    step = await json("/auth/sign-in/who", { ceremony: step.ceremony, credential: await ask("get", step.publicKey) });
  }
  const credential = await ask("get", step.publicKey);
  const done = await json("/auth/sign-in", { ceremony: step.ceremony, credential, next: form.elements.next.value });
  localStorage.setItem(REMEMBERED, done.person);
  location.assign(done.next);
}

async function begin(form) {
  const link = location.hash.slice(1);
  const name = form.elements.person?.value.trim() ?? "";
  const step = await json("/auth/begin/options", { token: link, person: name });
  const credential = await ask("create", step.publicKey);
  const trained = form.elements.trained?.value ?? "";
  const done = await json("/auth/begin", { ceremony: step.ceremony, credential, trained });
  localStorage.setItem(REMEMBERED, done.name);
  const told = document.createElement("div");
  told.className = "notice good";
  told.setAttribute("role", "status");
  told.append(Object.assign(document.createElement("p"), { textContent: say(done.state) }));
  told.append(Object.assign(document.createElement("code"), { textContent: done.fingerprint }));
  const on = Object.assign(document.createElement("a"), { href: "/auth/sign-in", className: "button", textContent: form.dataset.on });
  form.replaceWith(told, on);
  on.focus();
  history.replaceState(null, "", location.pathname);
}

async function prepareBegin(form) {
  if (!location.hash) throw new Told(say("noLink"));
  // Nobody else's link works here, and it is not sent anywhere but to the service.
  let told;
  try {
    told = await json("/auth/begin/about", { token: location.hash.slice(1) });
  } catch (error) {
    throw error instanceof Told && error.status === 422 ? new Told(say("badLink")) : error;
  }
  const field = form.elements.person;
  field.value = told.name;
  field.readOnly = !told.founds;
  for (const part of form.querySelectorAll("[data-founds]")) part.hidden = !told.founds;
  for (const part of form.querySelectorAll("[data-invited]")) part.hidden = told.founds;
  for (const part of form.querySelectorAll("[data-programs]")) {
    part.hidden = told.programs.length === 0;
    part.querySelector("bdi").textContent = told.programs.join(", ");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement)) return;
  const kind = form.dataset.passkey;
  if (kind === undefined && form.dataset.sign === undefined) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const what = { "sign-in": signIn, begin }[kind];
  guarded(form, () => (what ? what(form) : submitted(form, event.submitter)));
}, true);

const signing = document.querySelector('form[data-passkey="sign-in"]');
if (signing && !signing.elements.person.value) signing.elements.person.value = localStorage.getItem(REMEMBERED) ?? "";
const beginning = document.querySelector('form[data-passkey="begin"]');
if (beginning) {
  // A change of language or appearance loses what stands behind the number sign; console.js has kept it.
  const kept = JSON.parse(sessionStorage.getItem("faceward.behind") ?? "{}");
  sessionStorage.removeItem("faceward.behind");
  if (!location.hash && kept.path === location.pathname) history.replaceState(null, "", `#${kept.secret}`);
}
if (beginning) guarded(beginning, () => prepareBegin(beginning));

window.faceward = { send, ask };
