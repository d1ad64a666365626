// Two prompts side by side: one seed, one slider, the words that differ marked.
import { html, live, LitElement, nothing } from "./lit.js";

const split = (text) => text.match(/[^\s,]+|,/gu) ?? [];

class LimnerCompare extends LitElement {
  static properties = {
    fields: {}, run: {}, other: { state: true }, pair: { state: true }, step: { state: true },
    busy: { state: true }, failed: { state: true },
  };

  constructor() {
    super();
    Object.assign(this, { fields: { prompt: "" }, other: "", pair: null, step: 0, busy: false, failed: "" });
  }

  createRenderRoot() { return this; }

  async compare() {
    Object.assign(this, { busy: true, failed: "" });
    const prompts = [this.fields.prompt, this.other];
    const { count, ...fields } = this.fields;
    const paint = (prompt) => this.run({ ...fields, prompt, keep_steps: true }, { role: "compare", label: prompt });
    try {
      const jobs = await Promise.all(prompts.map(paint));
      if (!jobs.every((job) => job.images.length)) throw new Error("One of them was not painted.");
      this.pair = { jobs, prompts };
      this.step = this.total;
    } catch (error) {
      this.failed = error.message;
    } finally {
      this.busy = false;
    }
  }

  get total() {
    return Math.max(...this.pair.jobs.map((job) => job.total));
  }

  render() {
    return html`
      <form class="row fields" @submit=${(event) => { event.preventDefault(); this.compare(); }}>
        <label class="grow">Beside “${this.fields.prompt}”
          <input required .value=${live(this.other)} placeholder="the same with other words"
            @input=${(event) => { this.other = event.target.value; }}></label>
        <button class="first" ?disabled=${this.busy}>${this.busy ? "Painting" : "Paint both"}</button>
      </form>
      <p class="failed" role="alert">${this.failed}</p>
      ${this.pair ? this.shown() : html`<p class="hint">Both are painted from the same noise, so that what differs comes from the words.</p>`}`;
  }

  shown() {
    const { jobs, prompts } = this.pair;
    return html`<div class="pair">${jobs.map((job, index) => {
      const last = this.step >= this.total;
      const source = last ? job.images[0] : `${job.links.self}/steps/${Math.min(this.step, job.total)}`;
      const others = new Set(split(prompts[1 - index]));
      return html`<figure><img src=${source} alt=${prompts[index]}>
        <figcaption>${split(prompts[index]).map((word) => others.has(word) ? `${word} ` : html`<mark>${word}</mark> `)}</figcaption></figure>`;
    })}</div>
    ${this.total > 1 ? html`<label class="scrub"><span>${this.step >= this.total ? "Finished" : `Step ${this.step} of ${this.total}`}</span>
      <input type="range" min="1" max=${this.total} .value=${live(String(this.step))}
        @input=${(event) => { this.step = Number(event.target.value); }}></label>` : nothing}`;
  }
}

customElements.define("limner-compare", LimnerCompare);
