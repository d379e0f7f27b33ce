// Light or dark before the first paint. Runs in <head>, not as a module; without a choice the system decides.
(() => {
  try {
    const theme = localStorage.getItem("dialtap-theme");
    if (theme) document.documentElement.dataset.theme = theme;
  } catch {
    // storage is blocked: the system decides
  }
})();
