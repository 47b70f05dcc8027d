// A link's secret stands behind the number sign, which browsers send to nobody. It goes into the form, and out of the
// address, so that neither the history nor somebody who looks over a shoulder keeps it.
"use strict";
{
  const field = document.getElementById("token");
  const secret = location.hash.slice(1);
  if (field && /^fwl_[A-Za-z0-9_-]{43}$/.test(secret)) {
    field.value = secret;
    field.type = "password";
    history.replaceState(null, "", location.pathname);
  }
}
