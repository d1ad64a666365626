// What is under way: how far it is, how long it will take, and a way to end it.
import { html, LitElement, nothing } from "./lit.js";

class LimnerQueue extends LitElement {
  static properties = { queue: {}, jobs: {} };

  createRenderRoot() { return this; }

  connectedCallback() {
    super.connectedCallback();
    this.clock = setInterval(() => { if (this.jobs?.length) this.requestUpdate(); }, 1000);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this.clock);
  }

  render() {
    if (!this.jobs?.length) return nothing;
    return html`<section class="card" aria-label="Under way">
      <h2>Under way</h2>
      <ul class="queue">${this.jobs.map((entry) => this.row(entry))}</ul>
      ${this.jobs.length > 1 ? html`<button @click=${() => this.cancelAll()}>Cancel all</button>` : nothing}
    </section>`;
  }

  row(entry) {
    const left = this.queue.left(entry);
    const said = entry.total ? `step ${entry.step} of ${entry.total}` : "waiting";
    const time = left === null ? "" : `, about ${Math.max(1, Math.round(left))} s left`;
    return html`<li>
      <span class="label">${entry.label}</span>
      <progress max=${entry.total || 1} value=${entry.step} aria-label="How much of ${entry.label} is painted"></progress>
      <span class="hint">${said}${time}</span>
      <button @click=${() => this.queue.cancel(entry)} aria-label="Cancel ${entry.label}">Cancel</button>
    </li>`;
  }

  cancelAll() {
    for (const entry of this.jobs) this.queue.cancel(entry);
  }
}

customElements.define("limner-queue", LimnerQueue);
