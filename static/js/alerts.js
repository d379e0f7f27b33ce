// A new alert: said in a notice that screen readers read, and by the system where somebody chose that. Its words hold no number.

import { $, keep, on, say } from "./shared.js";

const box = $("#alert-count");
const choice = $("[data-notify]");
let newest = null;

const wanted = () => window.Notification?.permission === "granted" && document.cookie.includes("dialtap_notify=yes"); // plain http has no Notification

const show = () => (choice.textContent = wanted() ? "Stop notifying of alerts" : "Notify of alerts");

async function choose() {
  const was = wanted();
  const allowed = was || (await window.Notification?.requestPermission()) === "granted";
  keep("notify", was ? "no" : "yes");
  say(was ? "No notifications any more" : allowed ? "This browser will notify you of alerts" : "The browser does not allow notifications here");
  show();
}

function look() {
  const said = $("[data-alert]", box)?.dataset;
  if (!said) return;
  const number = Number(said.alert);
  const text = `New alert: ${said.words}`;
  if (newest !== null && number > newest) {
    say(text, 8000);
    if (wanted() && document.hidden) new Notification("Dialtap", { body: text, tag: "dialtap-alert" });
  }
  newest = Math.max(number, newest ?? 0);
}

if (box) {
  on("click", choose, choice);
  new MutationObserver(look).observe(box, { childList: true, subtree: true, attributes: true });
  show();
}
