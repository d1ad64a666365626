// One or two settings varied: a grid of pictures with headings, each a job of its own.
import { html, LitElement, nothing } from "./lit.js";

const MOST = 36; // pictures of a grid
const NAMES = { guidance: "1, 1.6, 4", steps: "2, 4, 20", seed: "1, 2, 3", solver: "euler, dpmpp_2m", "": "" };

class LimnerSweep extends LitElement {
  static properties = {
    fields: {}, run: {}, grid: { state: true }, failed: { state: true }, busy: { state: true },
    axes: { state: true },
  };

  constructor() {
    super();
    Object.assign(this, { fields: { prompt: "" }, grid: null, failed: "", busy: false, axes: ["guidance", ""] });
  }

  createRenderRoot() { return this; }

  values(index) {
    const name = this.axes[index];
    if (!name) return [undefined];
    const texts = this.querySelector(`[name="values-${index}"]`).value.split(",").map((text) => text.trim()).filter(Boolean);
    const found = name === "solver" ? texts : texts.map(Number);
    if (!found.length || found.some((value) => Number.isNaN(value))) throw new Error(`${name}: values with commas between are right.`);
    return found;
  }

  async paint(event) {
    event.preventDefault();
    this.failed = "";
    try {
      const [across, down] = [this.values(0), this.values(1)];
      if (across.length * down.length > MOST) throw new Error(`At most ${MOST} pictures are right.`);
      const [first, second] = this.axes;
      const { count, ...fields } = this.fields;
      const cells = down.map((row) => across.map((column) => ({
        fields: { ...fields, ...(second ? { [second]: row } : {}), ...(first ? { [first]: column } : {}) },
      })));
      const grid = this.grid = { first, second, across, down, cells };
      this.busy = true;
      await Promise.all(cells.flat().map((cell) => this.one(cell, grid)));
    } catch (error) {
      this.failed = error.message;
    } finally {
      this.busy = false;
    }
  }

  async one(cell, grid) {
    const label = [grid.first, grid.second].filter(Boolean).map((name) => `${name} ${cell.fields[name]}`).join(", ");
    try {
      const job = await this.run(cell.fields, { role: "sweep", label });
      cell.url = job.images[0];
      cell.failed = job.error?.message ?? (cell.url ? "" : "cancelled");
    } catch (error) {
      cell.failed = error.message;
    }
    this.requestUpdate();
  }

  render() {
    return html`<form class="row fields" @submit=${this.paint}>
        ${["To the right", "Down"].map((label, index) => this.axis(label, index))}
        <button class="first" ?disabled=${this.busy}>${this.busy ? "Painting" : "Paint the grid"}</button>
      </form>
      <p class="failed" role="alert">${this.failed}</p>
      ${this.grid ? this.table() : html`<p class="hint">Everything else is as above, the seed too.</p>`}`;
  }

  axis(label, index) {
    const name = this.axes[index];
    return html`<label>${label} <select @change=${(event) => { this.axes = this.axes.with(index, event.target.value); }}>
        ${Object.keys(NAMES).filter((each) => each || index).map((each) => html`
          <option value=${each} ?selected=${each === name}>${each || "nothing"}</option>`)}</select></label>
      ${name ? html`<label class="grow">Values <input name="values-${index}" .value=${NAMES[name]}></label>` : nothing}`;
  }

  table() {
    const { first, second, across, down, cells } = this.grid;
    return html`<div class="scroll" tabindex="0" role="group" aria-label="The grid"><table class="sweep">
      <caption class="unseen">${first} to the right${second ? `, ${second} down` : ""}</caption>
      <thead><tr>${second ? html`<td></td>` : nothing}${across.map((value) => html`<th scope="col">${first} ${value}</th>`)}</tr></thead>
      <tbody>${down.map((value, row) => html`<tr>${second ? html`<th scope="row">${second} ${value}</th>` : nothing}
        ${cells[row].map((cell) => html`<td>${this.cell(cell)}</td>`)}</tr>`)}</tbody></table></div>`;
  }

  cell(cell) {
    if (!cell.url) return html`<span class="hint">${cell.failed ?? "…"}</span>`;
    const use = () => this.dispatchEvent(new CustomEvent("recalled", { detail: { fields: cell.fields, url: cell.url } }));
    return html`<button class="thumb" aria-label="Use these settings" @click=${use}><img src=${cell.url} alt=""></button>`;
  }
}

customElements.define("limner-sweep", LimnerSweep);
