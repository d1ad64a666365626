// What guidance does at a step: the picture without the words, what the words change, and with them.
import { html, LitElement, nothing } from "./lit.js";
import { described, draw, grey, HUE } from "./heat.js";

const WHOSE = ["job", "step", "picture"];

class LimnerGuidance extends LitElement {
  static properties = {
    job: {}, step: {}, picture: {}, open: { state: true }, heard: { state: true }, failed: { state: true },
  };

  constructor() {
    super();
    Object.assign(this, { job: null, step: 1, picture: 0, open: false, heard: "", failed: "" });
  }

  createRenderRoot() { return this; }

  willUpdate(changed) {
    if (WHOSE.some((name) => changed.has(name))) Object.assign(this, { heard: "", failed: "" });
  }

  updated(changed) {
    const asked = this.open && this.guided;
    if (asked && [...WHOSE, "open"].some((name) => changed.has(name))) this.difference();
  }

  get guided() {
    return this.job.request.guidance !== 1;
  }

  of(what) {
    return `${this.job.links.self}/steps/${this.step}?of=${what}${this.picture ? `&picture=${this.picture}` : ""}`;
  }

  /** Draw where the words change the picture, most where they change it most. */
  async difference() {
    const path = this.of("difference");
    try {
      const map = await grey(path);
      const canvas = this.querySelector("canvas");
      if (path !== this.of("difference") || !canvas) return;
      const most = map.values.reduce((one, other) => Math.max(one, other), 0);
      const values = map.values.map((value) => value / Math.max(most, 1e-6));
      draw(canvas, { ...map, values }, HUE);
      this.heard = most ? `The change is at most ${Math.round(100 * most)} % of the range; ${described({ ...map, values })}.` : "Nothing.";
    } catch (error) {
      if (path === this.of("difference")) this.failed = error.message;
    }
  }

  render() {
    return html`<details @toggle=${(event) => { this.open = event.target.open; }}>
      <summary>What guidance does at this step</summary>
      ${this.open ? this.seen() : nothing}
    </details>`;
  }

  seen() {
    if (!this.guided) return html`<p class="hint">Nothing: at a guidance of 1 the words alone are asked.</p>`;
    if (this.failed) return html`<p class="hint">${this.failed}</p>`;
    return html`<div class="pair three">
        <figure><img src=${this.of("unguided")} alt="Step ${this.step} without the words">
          <figcaption>${this.job.request.negative ? "Led by the negative prompt" : "Without the words"}</figcaption></figure>
        <figure><canvas role="img" aria-label="What the words change. ${this.heard}"></canvas>
          <figcaption>What the words change</figcaption></figure>
        <figure><img src=${this.of("denoised")} alt="Step ${this.step} led to the words">
          <figcaption>Led ${this.job.request.guidance} times to the words</figcaption></figure>
      </div>
      <p class="hint">${this.heard}</p>`;
  }
}

customElements.define("limner-guidance", LimnerGuidance);
