// The page of the admin listener: functions, their triggers, a form to upload one. Everything goes through the API;
// what comes from it is shown as text, never as HTML.

const element = (id) => document.getElementById(id);
const REFRESH_MS = 5000;

let timer;

async function api(method, path, body) {
  const headers = typeof body === "string" ? { "Content-Type": "application/json" } : {};
  const response = await fetch(`/api/v1${path}`, { method, headers, body });
  const text = await response.text();
  const answer = text ? JSON.parse(text) : {};
  if (response.ok) return answer;
  throw Object.assign(new Error(answer.detail ?? response.statusText), { status: response.status });
}

// The link that `tidegate serve` prints on its first start carries a code that is good once.
async function signInByLink() {
  const code = new URLSearchParams(location.hash.slice(1)).get("login");
  if (!code) return;
  history.replaceState(null, "", location.pathname);
  try {
    await signIn({ code });
  } catch (error) {
    say(error.message);
  }
}

async function signIn(by) {
  await api("POST", "/session", JSON.stringify(by));
}

async function signOut() {
  await api("DELETE", "/session");
  say("");
  render(null);
}

function say(text) {
  element("state").textContent = text;
}

async function refresh() {
  clearTimeout(timer);
  try {
    render((await api("GET", "/functions")).functions);
    say("");
  } catch (error) {
    if (error.status === 401) return render(null);
    say(`Not reachable: ${error.message}`);
  }
  timer = setTimeout(refresh, REFRESH_MS);
}

function render(functions) {
  const signedIn = functions !== null;
  element("sign-in").hidden = signedIn;
  for (const id of ["functions", "upload", "sign-out"]) element(id).hidden = !signedIn;
  if (!signedIn) return;
  element("empty").hidden = functions.length > 0;
  element("rows").replaceChildren(...functions.map(row));
}

function row(shown) {
  const line = document.createElement("tr");
  const name = document.createElement("th");
  name.scope = "row";
  name.textContent = shown.name;
  const failures = cell(String(shown.failures));
  if (shown.failures > 0) failures.className = "failed";
  line.append(name, triggers(shown), cell(String(shown.revision)), cell(String(shown.invocations)), failures);
  return line;
}

function cell(text) {
  const made = document.createElement("td");
  made.textContent = text;
  return made;
}

function triggers(shown) {
  const made = document.createElement("td");
  const list = document.createElement("ul");
  shown.triggers.http.forEach((trigger, index) => {
    const methods = (trigger.methods ?? []).join(" ");
    list.append(item(`HTTP ${methods} `, trigger.route, trigger.route.includes("{") ? null : shown.urls[index]));
  });
  for (const trigger of shown.triggers.mqtt) list.append(item("MQTT ", trigger.topic, null));
  for (const trigger of shown.triggers.schedule) {
    const next = trigger.next_runs[0] ? `, next ${trigger.next_runs[0]}` : "";
    list.append(item("schedule ", `${trigger.cron} (${trigger.timezone})${next}`, null));
  }
  made.append(list);
  return made;
}

function item(kind, text, url) {
  const made = document.createElement("li");
  const shown = document.createElement(url ? "a" : "code");
  shown.textContent = text;
  if (url) shown.href = url;
  made.append(kind, shown);
  return made;
}

async function deploy(event) {
  event.preventDefault();
  const parameters = new URLSearchParams();
  for (const key of ["route", "topic", "bucket"]) {
    if (element(key).value) parameters.set(key, element(key).value);
  }
  const button = event.submitter;
  button.disabled = true;
  element("result").className = "";
  element("result").textContent = "Deploying …";
  try {
    const path = `/functions/${encodeURIComponent(element("name").value)}?${parameters}`;
    const deployed = await api("PUT", path, element("file").files[0]);
    const change = deployed.created ? "is active" : "was active already";
    element("result").textContent = `${deployed.name}: revision ${deployed.revision} ${change}.`;
    await refresh();
  } catch (error) {
    element("result").className = "failed";
    element("result").textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

element("sign-in-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = element("token").value.trim();
  element("token").value = "";
  try {
    await signIn({ token });
    await refresh();
  } catch (error) {
    say(error.message);
  }
});
element("sign-out").addEventListener("click", signOut);
element("upload-form").addEventListener("submit", deploy);
element("file").addEventListener("change", () => {
  const file = element("file").files[0];
  if (file && !element("name").value) {
    element("name").value = file.name.replace(/\.wasm$/, "").toLowerCase().replaceAll(/[^a-z0-9-]/g, "-");
  }
});

await signInByLink();
await refresh();
