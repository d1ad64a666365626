// The plain page: asks for a job, follows its events, shows its pictures. Text goes in as text.
"use strict";
const at = (id) => document.getElementById(id);
let job = null;

async function send(path, body) {
  const how = body === undefined ? {} : {
    method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" },
  };
  const answer = await fetch(path, how);
  const said = await answer.json();
  if (answer.status === 401) at("login").hidden = false;
  if (!answer.ok) throw new Error(said.detail);
  return said;
}

function show(urls, alt) {
  at("pictures").replaceChildren(...urls.map((url) => {
    const image = document.createElement("img");
    image.src = url;
    image.alt = alt;
    return image;
  }));
}

function busy(now) {
  at("paint").disabled = now;
  at("stop").disabled = !now;
}

async function ended(prompt) {
  busy(false);
  const said = await send(job.links.self);
  at("progress").value = said.status === "completed" ? 1 : 0;
  if (said.images.length) show(said.images, prompt);
  const seeds = said.seeds.length ? `seed ${said.seeds.join(", ")}` : "";
  at("said").textContent = said.error ? said.error.message
    : [said.status, seeds, ...said.warnings].filter(Boolean).join("; ");
}

function follow(prompt) {
  const events = new EventSource(job.links.events);
  const data = (event) => JSON.parse(event.data);
  events.addEventListener("step", (event) => {
    const { step, total } = data(event);
    if (total) at("progress").value = step / total;
    at("said").textContent = total ? "" : `step ${step}`;
  });
  events.addEventListener("preview", (event) => show([data(event).url], prompt));
  for (const end of ["completed", "failed", "cancelled"]) {
    events.addEventListener(end, () => { events.close(); ended(prompt); });
  }
  events.onerror = () => { at("said").textContent = "The server does not answer; trying again."; };
  events.onopen = () => { at("said").textContent = ""; };
}

at("asked").addEventListener("submit", async (event) => {
  event.preventDefault();
  const asked = { prompt: at("prompt").value, negative: at("negative").value };
  for (const name of ["seed", "steps", "count"]) {
    if (at(name).value !== "") asked[name] = Number(at(name).value);
  }
  if (at("model").value) asked.model = at("model").value;
  try {
    busy(true);
    at("progress").value = 0;
    job = await send("/api/v1/jobs", asked);
    follow(asked.prompt);
  } catch (error) {
    busy(false);
    at("said").textContent = error.message;
  }
});

at("stop").addEventListener("click", () => send(job.links.cancel, { keep: true }));

at("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await send("/login", { key: at("key").value });
    at("key").value = "";
    at("login").hidden = true;
    begin();
  } catch (error) {
    at("said").textContent = error.message;
  }
});

async function begin() {
  try {
    const said = await send("/api/v1/capabilities");
    at("model").replaceChildren(...said.models.map((model) => new Option(model.name)));
    at("said").textContent = "";
  } catch (error) {
    at("said").textContent = error.message;
  }
}
begin();
