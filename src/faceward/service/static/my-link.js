// A link's secret stands behind the number sign, which browsers send to nobody. It goes into the form, and out of the
// address, so that neither the history nor somebody who looks over a shoulder keeps it.
"use strict";
{
  const field = document.getElementById("token");
  // Kept for the moment in which the language is changed; see console.js.
  const kept = JSON.parse(sessionStorage.getItem("faceward.behind") ?? "{}");
  sessionStorage.removeItem("faceward.behind");
  const secret = location.hash.slice(1) || (kept.path === location.pathname ? kept.secret : "");
  if (field && /^fwl_[A-Za-z0-9_-]{43}$/.test(secret)) {
    field.value = secret;
    field.type = "password";
    history.replaceState(null, "", location.pathname);
  }
}
