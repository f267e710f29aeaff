/* OneVisit: the little that pages need beyond htmx. No page depends on it to work. */
(function () {
  "use strict";

  // Menus in the top bar close when one clicks elsewhere or presses Escape.
  function closeMenus(except) {
    document.querySelectorAll(".ov-top details[open]").forEach(function (menu) { if (menu !== except) { menu.open = false; } });
  }
  document.addEventListener("click", function (event) { closeMenus(event.target.closest(".ov-top details")); });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") { return; }
    var open = document.querySelector(".ov-top details[open]");
    if (open) { open.open = false; open.querySelector("summary").focus(); }
  });

  document.addEventListener("click", function (event) {
    if (event.target.closest("[data-print]")) { window.print(); }
  });

  // A part that cannot be reached says so in place.
  document.addEventListener("htmx:sendError", function (event) {
    var part = event.detail.elt;
    part.removeAttribute("aria-busy");
    var text = part.querySelector(".ov-loading");
    if (text) { text.textContent = document.documentElement.lang === "en" ? "Not loaded. Reload the page to try again." : "未能载入，请刷新页面重试。"; }
  });

  // What is typed or chosen in a form while a part of that form is under way stays when the part is swapped, and so does the caret.
  // While somebody composes Chinese characters nothing is swapped: the half-written word would be lost. The part is asked for again after.
  var kept = null;
  var composing = null;
  var askAgain = null;
  function fields(form, act) {
    form.querySelectorAll("input[name], select[name], textarea[name]").forEach(function (field) {
      if (field.type !== "hidden" && field.type !== "file") { act(field, field.name + (field.type === "radio" || field.type === "checkbox" ? "=" + field.value : "")); }
    });
  }
  document.addEventListener("compositionstart", function (event) { composing = event.target; });
  document.addEventListener("compositionend", function () {
    composing = null;
    if (askAgain && askAgain.isConnected) { htmx.trigger(askAgain, "change"); }
    askAgain = null;
  });
  document.addEventListener("htmx:beforeSwap", function (event) {
    var form = event.detail.target.closest("form");
    if (form && composing && event.detail.target.contains(composing)) {
      askAgain = event.detail.requestConfig.elt;
      event.detail.shouldSwap = false;
      return;
    }
    var active = document.activeElement;
    kept = form && { form: form, values: {}, start: active.selectionStart, end: active.selectionEnd };
    if (form) { fields(form, function (field, key) { kept.values[key] = { value: field.value, checked: field.checked }; }); }
  });
  document.addEventListener("htmx:afterSwap", function () {
    if (!kept) { return; }
    var values = kept.values;
    fields(kept.form, function (field, key) {
      if (!values[key]) { return; }
      if (field.type === "radio" || field.type === "checkbox") { field.checked = values[key].checked; } else { field.value = values[key].value; }
    });
    var active = document.activeElement;
    if (typeof kept.start === "number" && typeof active.selectionStart === "number") { active.setSelectionRange(kept.start, kept.end); }
    kept = null;
  });

  // When every home tile has answered and none had anything, the page says so.
  document.addEventListener("htmx:afterSettle", function () {
    var tiles = document.querySelector("[data-tiles]");
    var nothing = document.querySelector("[data-tiles-empty]");
    if (tiles && nothing) { nothing.hidden = tiles.childElementCount > 0; tiles.hidden = tiles.childElementCount === 0; }
  });

  var wrong = document.querySelector("[data-focus]");
  if (wrong) { wrong.focus(); }
})();
