// Painting while somebody types: a moment's pause, few steps, and only the last request counts.
import { ask, given, JOBS } from "./server.js";

export const PAUSE = 90; // milliseconds without a letter
export const STEPS = 4;

/** Paints small pictures of what was typed last. shown(picture), failed(error), begun(). */
export class Live {
  constructor({ begun, shown, failed }) {
    Object.assign(this, { begun, shown, failed });
    this.timer = 0;
    this.number = 0;
    this.job = null;
  }

  /** Somebody typed: paint these fields after the pause. */
  typed(fields) {
    const number = this.stop();
    this.timer = setTimeout(() => this.paint(fields, number), PAUSE);
  }

  /** Forget what was asked for; what is being painted is cancelled. */
  stop() {
    clearTimeout(this.timer);
    if (this.job) ask(this.job.links.cancel, {}).catch(() => {});
    this.job = null;
    this.number += 1;
    return this.number;
  }

  async paint(fields, number) {
    this.begun();
    try {
      const job = await ask(JOBS, { ...given(fields), steps: STEPS, upscale: 1 });
      if (number !== this.number) {
        ask(job.links.cancel, {}).catch(() => {});
        return;
      }
      this.job = job;
      let ended = job;
      while (number === this.number && ["queued", "running"].includes(ended.status)) {
        ended = await ask(`${job.links.self}?wait=30`);
      }
      if (number !== this.number) return;
      this.job = null;
      if (ended.status === "completed") this.shown(ended);
      else if (ended.error) this.failed(new Error(ended.error.message));
    } catch (error) {
      if (number === this.number) this.failed(error);
    }
  }
}
