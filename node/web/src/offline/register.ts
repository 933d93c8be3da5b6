/** Lets the page start without a network from now on. Where it may not (plain HTTP to another machine), it needs one. */
export function registerServiceWorker(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  addEventListener("load", () => {
    navigator.serviceWorker.register("./sw.js", { scope: "./" }).catch(() => {
      // Storage refused, or a certificate that is not trusted: the page works as before.
    });
  });
}
