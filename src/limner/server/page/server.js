// What the page asks of its server, and how the answers come back. Nothing else is ever asked.

export const JOBS = "/api/v1/jobs";
const ENDS = ["completed", "failed", "cancelled"];

/** An answer that is no success: a sentence for people, a code, and the place in the prompt. */
export class Refused extends Error {
  constructor(status, said) {
    super(said.detail ?? "The server could not do this.");
    this.status = status;
    this.code = said.code;
    this.place = said.place;
  }
}

/** The JSON of an answer; a body makes it a POST. Raises Refused, and TypeError where none came. */
export async function ask(path, body, signal) {
  const how = { signal };
  if (body !== undefined) {
    how.method = "POST";
    how.body = JSON.stringify(body);
    how.headers = { "Content-Type": "application/json" };
  }
  const answer = await fetch(path, how);
  const said = await answer.json();
  if (!answer.ok) throw new Refused(answer.status, said);
  return said;
}

/** A file of the server as a data URL, which outlives what the server keeps. */
export async function dataUrl(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Refused(answer.status, await answer.json());
  return urlOf(await answer.blob());
}

export function urlOf(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

/** Follow a job's events: `told(kind, data)` for each, "lost" and "found" of the connection. */
export function follow(job, told) {
  const events = new EventSource(job.links.events);
  for (const kind of ["queued", "running", "step", "preview", "image", ...ENDS]) {
    events.addEventListener(kind, (event) => {
      if (ENDS.includes(kind)) events.close();
      told(kind, JSON.parse(event.data));
    });
  }
  events.onopen = () => told("found", {});
  events.onerror = () => told("lost", { final: events.readyState === EventSource.CLOSED });
  return () => events.close();
}

/** What of the settings a request says: those that were given. */
export function given(fields) {
  const wanted = ([, value]) => value !== "" && value !== null && value !== undefined;
  return Object.fromEntries(Object.entries(fields).filter(wanted));
}
