// Change the picture that is shown: a part, room round it, its style, its size. Staged until taken.
import { html, live, LitElement, nothing } from "./lit.js";
import { Brush } from "./brush.js";
import { Heat } from "./heat.js";
import { SIDES } from "./limner-room.js";
import { dataUrl } from "./server.js";
import { readWords } from "./words.js";

const WAYS = { part: "A part", room: "Room round it", style: "Its style", size: "Its size" };
const NONE = Object.fromEntries(SIDES.map((side) => [side, 0]));

class LimnerChange extends LitElement {
  static properties = {
    shown: {}, styles: {}, run: {}, restyles: { type: Boolean },
    way: { state: true }, wanted: { state: true }, staged: { state: true }, busy: { state: true },
    failed: { state: true }, sides: { state: true },
  };

  constructor() {
    super();
    Object.assign(this, { shown: null, styles: [], way: "part", staged: null, busy: false, failed: "", sides: NONE });
    this.brush = null;
  }

  createRenderRoot() { return this; }

  willUpdate(changed) {
    if (changed.has("shown")) Object.assign(this, { brush: null, staged: null, failed: "", sides: NONE, wanted: this.shown?.alt ?? "" });
  }

  /** The canvas gets the picture's size once that is known. */
  sized(event) {
    const { naturalWidth: width, naturalHeight: height } = event.target;
    event.target.classList.toggle("wide", width > 1.3 * height);
    const canvas = this.querySelector("canvas.mask");
    if (canvas) this.brush = new Brush(canvas, width, height);
    this.requestUpdate();
  }

  value(name) {
    return Number(this.querySelector(`[name="${name}"]`).value);
  }

  /** What a way asks for, of the picture that is shown. */
  async fields() {
    const picture = await dataUrl(this.shown.url);
    const { seed, model } = this.shown.fields;
    const asked = { prompt: this.wanted, seed, model };
    if (this.way === "part") {
      if (this.brush.empty) throw new Error("Nothing is masked: brush over what shall be painted anew.");
      return { ...asked, picture, mask: this.brush.url, strength: this.value("strength") };
    }
    if (this.way === "room") {
      const extend = SIDES.map((side) => this.sides[side]);
      if (!extend.some((side) => side > 0)) throw new Error("No room is asked for: drag an edge, or give some pixels on a side.");
      return { ...asked, picture, extend };
    }
    if (this.way === "style") return { prompt: "", content: picture, style: this.querySelector("[name=style]").value, seed };
    return { ...this.shown.fields, upscale: this.value("larger") };
  }

  async change() {
    this.failed = "";
    this.busy = true;
    const before = this.shown;
    try {
      const asked = await this.fields();
      const job = await this.run(asked, { role: "change", label: `${WAYS[this.way]}: ${this.wanted}` });
      if (before !== this.shown) return;
      if (job.images.length) this.staged = { url: job.images[0], job, asked };
      else this.failed = job.error?.message ?? "It was cancelled.";
    } catch (error) {
      this.failed = error.message;
    } finally {
      this.busy = false;
    }
  }

  take() {
    const { picture, content, mask, ...fields } = this.staged.asked;
    const detail = { url: this.staged.url, job: this.staged.job, fields: { ...fields, prompt: fields.prompt || this.shown.alt } };
    detail.changed = Boolean(picture || content);
    this.staged = null;
    this.dispatchEvent(new CustomEvent("taken", { detail }));
  }

  render() {
    if (!this.shown) return html`<p class="hint">There is no picture yet.</p>`;
    return html`
      <div class="row" role="group" aria-label="What to change">${Object.entries(WAYS)
        .filter(([way]) => way !== "style" || this.restyles)
        .map(([way, label]) => html`<button aria-pressed=${this.way === way}
          @click=${() => { Object.assign(this, { way, staged: null, failed: "" }); }}>${label}</button>`)}</div>
      <div class="change">
        ${this.staged ? this.staging() : this.source()}
        <div class="how">${this.staged ? nothing : this.how()}
          <p class="failed" role="alert">${this.failed}</p></div>
      </div>`;
  }

  source() {
    if (this.way === "room") {
      return html`<limner-room .url=${this.shown.url} .alt="What is changed: ${this.shown.alt}" .sides=${this.sides}
        @sized=${(event) => { this.sides = event.detail; }}></limner-room>`;
    }
    return html`<div class="stage" @keydown=${this.pressed} tabindex=${this.way === "part" ? 0 : -1} role="group" aria-label="What is changed; the keys [ and ] size the brush">
      <img src=${this.shown.url} alt="What is changed: ${this.shown.alt}" @load=${this.sized}>
      ${this.way === "part" ? html`<canvas class="mask" aria-hidden="true"
        @pointerdown=${(event) => this.brush?.down(event)} @pointermove=${(event) => this.brush?.move(event)}
        @pointerup=${() => this.brush?.up()} @pointercancel=${() => this.brush?.up()}></canvas>` : nothing}
    </div>`;
  }

  staging() {
    return html`<div class="pair">
      <figure><img src=${this.shown.url} alt="Before"><figcaption>Before</figcaption></figure>
      <figure><img src=${this.staged.url} alt="After"><figcaption>After</figcaption></figure>
      <div class="row"><button class="first" @click=${() => this.take()}>Take it</button>
        <button @click=${() => { this.staged = null; }}>Discard</button></div>
    </div>`;
  }

  how() {
    const words = this.way === "size" || this.way === "style" ? nothing : html`<label>What shall be there
      <input .value=${live(this.wanted)} @input=${(event) => { this.wanted = event.target.value; }}></label>`;
    const parts = { part: () => this.masking(), room: () => nothing, style: () => this.styling(), size: () => this.sizing() };
    return html`${words}${parts[this.way]()}
      <button class="first" ?disabled=${this.busy} @click=${() => this.change()}>${this.busy ? "Painting" : "Change it"}</button>`;
  }

  masking() {
    const does = (what) => () => { what(); this.requestUpdate(); };
    const brush = this.brush;
    const word = () => this.querySelector("[name=word]").value;
    const words = this.shown.heatmaps ? readWords(this.shown) : [];
    return html`
      <p class="hint">Brush over what shall be painted anew.</p>
      <div class="row fields">
        <label>Brush, pixels <input type="number" min="1" max="512" .value=${live(String(brush?.size ?? 16))}
          @change=${does(() => { brush.size = this.value("size"); })} name="size"></label>
        <button aria-pressed=${brush?.erasing ?? false} @click=${does(() => { brush.erasing = !brush.erasing; })}>Eraser</button>
        <button @click=${() => brush.invert()}>Invert</button>
        <button @click=${() => brush.clear()}>Clear</button>
        <button @click=${() => brush.undo()}>Undo</button>
      </div>
      ${words.length ? html`<div class="row fields"><label>Mask from a word
        <select name="word">${words.map((each) => html`<option>${each}</option>`)}</select></label>
        <button @click=${async () => brush.warm(await new Heat(this.shown.job).of(word()))}>Mask it</button></div>` : nothing}
      <fieldset class="row fields"><legend class="hint">A rectangle, in pixels</legend>
        ${["x", "y", "width", "height"].map((name) => html`<label>${name}
          <input type="number" min="0" name=${name} value="0"></label>`)}
        <button @click=${() => brush.rectangle(this.value("x"), this.value("y"), this.value("width"), this.value("height"))}>Add it</button>
      </fieldset>
      <label>How much is new <input type="range" name="strength" min="0.05" max="1" step="0.05" value="1"></label>`;
  }

  styling() {
    return html`<label>Drawn as <select name="style">${this.styles.map((style) => html`<option>${style}</option>`)}</select></label>`;
  }

  sizing() {
    return html`<p class="hint">The same picture, enlarged by the trained upscaler.</p>
      <label>Times as wide and high <select name="larger"><option>1</option><option>2</option><option selected>4</option></select></label>`;
  }

  /** [ and ] change the brush where the picture has the focus. */
  pressed(event) {
    const by = { "[": 0.8, "]": 1.25 }[event.key];
    if (!by || !this.brush) return;
    this.brush.size = Math.max(1, Math.round(this.brush.size * by));
    this.requestUpdate();
  }
}

customElements.define("limner-change", LimnerChange);
