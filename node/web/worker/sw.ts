// The service worker: the page starts without a network. It keeps the page's own files and nothing
// else; what is in documents is kept by the page (sync.ts).

const worker = globalThis as unknown as ServiceWorkerGlobalScope;

/** Put in by the build (vite.config.ts): a hash of all files, and their names. */
declare const __PAGE_VERSION__: string;
declare const __PAGE_FILES__: string[];

const prefix = "coterie-page-";
const current = prefix + __PAGE_VERSION__;
/** A node that does not answer by then is taken to be away. */
const patienceMs = 3000;

worker.addEventListener("install", (event) => {
  const fill = async () => {
    const cache = await caches.open(current);
    // "./" is the page itself.
    await cache.addAll(["./", ...__PAGE_FILES__]);
    await worker.skipWaiting();
  };
  event.waitUntil(fill());
});

worker.addEventListener("activate", (event) => {
  const tidy = async () => {
    const names = (await caches.keys()).filter((name) => name.startsWith(prefix));
    // The one before stays: a tab that is open may still ask for its parts.
    const old = names.filter((name) => name !== current).slice(0, -1);
    await Promise.all(old.map((name) => caches.delete(name)));
    await worker.clients.claim();
  };
  event.waitUntil(tidy());
});

async function page(request: Request): Promise<Response> {
  const kept = async () => (await caches.match("./")) ?? Response.error();
  try {
    const response = await fetch(request, { signal: AbortSignal.timeout(patienceMs) });
    return response.ok ? response : await kept();
  } catch {
    return kept();
  }
}

/** Its name has the hash of what is in it: one that is kept is right. */
const asset = async (request: Request): Promise<Response> => (await caches.match(request)) ?? fetch(request);

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const scope = new URL(worker.registration.scope);
  if (request.method !== "GET" || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return;
  const path = url.pathname.slice(scope.pathname.length);
  if (request.mode === "navigate" && path === "") event.respondWith(page(request));
  else if (path.startsWith("assets/") || ["icon.svg", "manifest.webmanifest"].includes(path)) event.respondWith(asset(request));
});
