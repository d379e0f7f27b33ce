// A new alert: said in a notice that screen readers read, and by the system where somebody has chosen that. Its words hold no number: see live/health.py.

import { toast } from "./page.js";

const KEY = "dialtap-notify";
const box = document.getElementById("alert-count");
const choice = document.querySelector("[data-notify]");
let newest = null;

const stored = () => {
  try {
    return localStorage.getItem(KEY) === "1";
  } catch {
    return false; // storage is blocked: nothing was chosen
  }
};
const wanted = () => "Notification" in window && Notification.permission === "granted" && stored();

function show() {
  if (choice) choice.textContent = wanted() ? "Stop notifying of alerts" : "Notify of alerts";
}

async function choose() {
  const on = wanted();
  const allowed = on || ("Notification" in window && (await Notification.requestPermission()) === "granted");
  try {
    localStorage.setItem(KEY, on ? "" : "1");
  } catch {
    // nothing is kept
  }
  toast(on ? "No notifications any more" : allowed ? "This browser will notify you of alerts" : "The browser does not allow notifications here");
  show();
}

function look() {
  const said = box.querySelector("[data-alert]");
  if (!said) return;
  const number = Number(said.dataset.alert);
  if (newest !== null && number > newest) {
    toast(`New alert: ${said.dataset.words}`, 8000);
    if (wanted() && document.hidden) new Notification("Dialtap", { body: `New alert: ${said.dataset.words}`, tag: "dialtap-alert" });
  }
  newest = Math.max(number, newest ?? 0);
}

if (box) {
  choice?.addEventListener("click", choose);
  new MutationObserver(look).observe(box, { childList: true, subtree: true, attributes: true });
  show();
}
