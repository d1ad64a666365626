// The jobs of this page: asked for, followed, cancelled, and found again after a reload.
import { ask, follow, given, JOBS } from "./server.js";

const KEPT = "limner-jobs"; // of the session: what to follow again
const AGAIN = 1000; // milliseconds until a server that does not answer is asked again

/** A Lit controller: `jobs` holds what is under way; ended(job, entry) gets each at its end. */
export class Queue {
  constructor(host, ended) {
    this.host = host;
    this.ended = ended;
    this.jobs = [];
    this.lost = false;
    host.addController(this);
  }

  hostConnected() {
    this.resume();
  }

  hostDisconnected() {
    for (const entry of this.jobs) entry.close?.();
  }

  /** Ask for a job. about: {label, role}, kept beside it. Its entry; done: a promise of its end. */
  async paint(fields, about) {
    const asked = given(fields);
    const job = await ask(JOBS, asked);
    const entry = { id: job.id, job, step: 0, total: 0, began: null, ...about };
    entry.said = withoutPictures(asked);
    entry.done = new Promise((resolve) => { entry.finish = resolve; });
    this.jobs = [...this.jobs, entry];
    this.watch(entry);
    return entry;
  }

  cancel(entry, keep = false) {
    return ask(entry.job.links.cancel, { keep }).catch(() => {});
  }

  watch(entry) {
    entry.close = follow(entry.job, (kind, data) => this.told(entry, kind, data));
    this.changed();
  }

  told(entry, kind, data) {
    if (kind === "lost" && data.final) this.end(entry);
    else if (kind === "lost" || kind === "found") this.lost = kind === "lost";
    else if (kind === "running") entry.began = Date.now();
    else if (kind === "step") Object.assign(entry, { step: data.step, total: data.total ?? 0 });
    else if (kind === "preview") entry.preview = data.url;
    else if (["completed", "failed", "cancelled"].includes(kind)) this.end(entry);
    if (entry.began === null && kind === "step") entry.began = Date.now();
    this.changed();
  }

  /** Ask how a job ended; where nobody answers, or it goes on, look again. */
  async end(entry) {
    let job;
    try {
      job = await ask(entry.job.links.self);
      this.lost = false;
    } catch (error) {
      if (error instanceof TypeError) { // nobody answered
        this.lost = true;
        this.changed();
        setTimeout(() => this.end(entry), AGAIN);
        return;
      }
      job = { ...entry.job, status: "failed", images: [], error };
    }
    if (["queued", "running"].includes(job.status)) {
      setTimeout(() => this.watch(entry), AGAIN);
      return;
    }
    this.jobs = this.jobs.filter((other) => other !== entry);
    this.changed();
    this.ended(job, entry);
    entry.finish?.(job);
  }

  /** Seconds until a job's end, from how its steps went so far; null: not known yet. */
  left(entry) {
    if (!entry.total || !entry.step || entry.began === null) return null;
    return ((Date.now() - entry.began) / 1000 / entry.step) * (entry.total - entry.step);
  }

  changed() {
    const kept = this.jobs.map(({ id, label, said, role, seen }) => ({ id, label, said, role, seen }));
    sessionStorage.setItem(KEPT, JSON.stringify(kept));
    this.host.requestUpdate();
  }

  async resume() {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]");
    for (const about of kept) {
      try {
        const job = await ask(`${JOBS}/${about.id}`);
        const entry = { ...about, job, step: job.step, total: job.total, began: null };
        this.jobs = [...this.jobs, entry];
        this.watch(entry);
      } catch { /* it is gone from the server: there is nothing to follow */ }
    }
  }
}

function withoutPictures(asked) {
  const { picture, content, mask, ...rest } = asked;
  return rest;
}
