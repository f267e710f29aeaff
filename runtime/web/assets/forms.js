/*
 * Forms: sent once, and refused in place. Without this script a form is posted as forms are, and a refusal is a page.
 *
 * A form posted from here says so (X-Form: in-place). The server then answers a redirect as 204 with HX-Redirect, a
 * refusal as a fragment without <main>, and a page that shows its form again as that page. What somebody typed or chose
 * stays in the form until it is taken.
 */
(function () {
  "use strict";

  var WORDS = {
    "zh-CN": {
      unsent: "未能提交：与服务器的连接中断。请检查网络后再次提交，填写的内容仍在本页。",
      signedOut: "登录已失效，内容尚未提交。请在新窗口重新登录，再回到本页提交。",
      signIn: "重新登录（在新窗口打开）"
    },
    en: {
      unsent: "Not sent: the server was not reached. Check the connection and submit again; what you filled in is still here.",
      signedOut: "Your session has ended; nothing was sent yet. Sign in again in a new window, then come back and submit.",
      signIn: "Sign in again (in a new window)"
    }
  };
  function words() { return WORDS[document.documentElement.lang] || WORDS["zh-CN"]; }

  // ── sent once ────────────────────────────────────────────────────────────────────────────────────────────────────

  function hold(form) {
    form.dataset.sent = "yes";
    form.querySelectorAll("button[type=submit]").forEach(function (button) { button.setAttribute("aria-disabled", "true"); });
  }
  function release(form) {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
    form.querySelectorAll("button[type=submit]").forEach(function (button) { button.removeAttribute("aria-disabled"); });
  }
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (event.defaultPrevented || form.getAttribute("method") !== "post") { return; }
    if (form.dataset.sent) { event.preventDefault(); return; }
    hold(form);
    if (!window.fetch || form.hasAttribute("data-plain") || !form.matches(".ov-form, .ov-button-form")) { return; }
    event.preventDefault();
    forget(form);
    form.setAttribute("aria-busy", "true");
    send(form, event.submitter || null, true);
  });
  window.addEventListener("pageshow", function () { document.querySelectorAll("form[data-sent]").forEach(release); });

  // ── refused in place ─────────────────────────────────────────────────────────────────────────────────────────────

  function body(form, submitter) {
    var data = new FormData(form);
    if (submitter && submitter.name) { data.append(submitter.name, submitter.value); }
    return form.getAttribute("enctype") === "multipart/form-data" ? data : new URLSearchParams(data);
  }

  function send(form, submitter, mayRenew) {
    var headers = { "HX-Request": "true", "HX-Current-URL": window.location.href, "X-Form": "in-place" };
    var failed = function () { release(form); say(form, words().unsent); };
    window.fetch(form.getAttribute("action"), { method: "POST", headers: headers, body: body(form, submitter) }).then(function (answer) {
      var to = answer.headers.get("HX-Redirect");
      if (to && answer.status === 401) {
        release(form);
        say(form, words().signedOut, to, words().signIn);
      } else if (to) {
        goTo(to);
      } else {
        return answer.text().then(function (text) { take(form, submitter, mayRenew, text); });
      }
    }).catch(failed);
  }

  function goTo(path) {
    var to = new URL(path, window.location.href), here = window.location;
    if (to.hash && to.pathname + to.search === here.pathname + here.search) {
      here.hash = to.hash;
      here.reload();
    } else {
      here.assign(path);
    }
  }

  function take(form, submitter, mayRenew, text) {
    var page = new DOMParser().parseFromString(text, "text/html");
    var main = page.querySelector("main");
    if (main) { release(form); turnTo(page, main); return; }
    var part = page.querySelector("[data-refused]") || page.body;
    if (mayRenew && part.dataset.refused === "web.form_expired") {
      renew(form).then(function (renewed) {
        if (renewed) { send(form, submitter, false); } else { release(form); show(form, part); }
      });
      return;
    }
    release(form);
    show(form, part);
  }

  // A page that shows its form again, or what was done, takes the place of this one.
  function turnTo(page, main) {
    var here = document.querySelector("main");
    document.title = page.title;
    here.replaceWith(main);
    if (window.htmx) { window.htmx.process(main); }
    focusOn(main.querySelector("[data-focus]") || main.querySelector("[role=alert], [role=status]") || main);
  }

  // Whoever signed in again meanwhile has another token; for somebody else's session nothing is sent.
  function renew(form) {
    return window.fetch(window.location.href).then(function (answer) { return answer.text(); }).then(function (text) {
      var page = new DOMParser().parseFromString(text, "text/html");
      var fresh = page.querySelector("input[name=_csrf]");
      var who = [document, page].map(function (each) { var found = each.querySelector(".ov-who"); return found && found.textContent; });
      if (!fresh || !who[0] || who[0] !== who[1]) { return false; }
      document.querySelectorAll("input[name=_csrf]").forEach(function (field) { field.value = fresh.value; });
      document.body.setAttribute("hx-headers", page.body.getAttribute("hx-headers"));
      return true;
    }).catch(function () { return false; });
  }

  function show(form, part) {
    var problem = place(form);
    while (part.firstChild) { problem.appendChild(part.firstChild); }
    (part.dataset.fields || "").split(" ").forEach(function (name) {
      var found = name && form.elements[name];
      if (found && found.setAttribute) { found.setAttribute("aria-invalid", "true"); found.dataset.wrong = "yes"; }
    });
    focusOn(problem.querySelector("[role=alert]") || problem);
  }

  function say(form, text, href, label) {
    var alert = document.createElement("div"), inner = document.createElement("div"), told = document.createElement("p");
    alert.className = "ov-alert ov-alert-bad";
    alert.setAttribute("role", "alert");
    told.textContent = text;
    inner.appendChild(told);
    if (href) {
      var line = document.createElement("p"), link = document.createElement("a");
      link.href = href;
      link.target = "_blank";
      link.textContent = label;
      line.appendChild(link);
      inner.appendChild(line);
    }
    alert.appendChild(inner);
    place(form).appendChild(alert);
    focusOn(alert);
  }

  function place(form) {
    forget(form);
    var problem = document.createElement("div");
    problem.className = "ov-problem";
    form.insertBefore(problem, form.firstChild);
    return problem;
  }

  function forget(form) {
    form.querySelectorAll(".ov-problem").forEach(function (problem) { problem.remove(); });
    form.querySelectorAll("[data-wrong]").forEach(function (field) { field.removeAttribute("aria-invalid"); delete field.dataset.wrong; });
  }

  function focusOn(element) {
    if (!element.hasAttribute("tabindex")) { element.setAttribute("tabindex", "-1"); }
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: "nearest" });
  }
})();
