// Made by `tidegate`: binds what the handler exports to what starts a function. Written anew by every build.
import * as module from "HANDLER";
import { getAll } from "wasi:config/store@0.2.0-rc.1";

const functions = module.default ?? {};
const environment = () => Object.fromEntries(getAll());

// A handler that called `addEventListener` itself exports nothing.
if (functions.fetch) {
  const respond = async (request) => functions.fetch(request, environment());
  addEventListener("fetch", (event) => event.respondWith(respond(event.request)));
}
