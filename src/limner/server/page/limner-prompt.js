// The prompt and its words: the text is the truth, the chips below say what was understood.
import { html, live, LitElement, nothing } from "./lit.js";
import { ask, given } from "./server.js";
import { noteAbout, tokensOf, weighted, wordsOf } from "./words.js";

const PAUSE = 150; // milliseconds without a letter
const READ = "read as: "; // how the note begins that says what became of a sentence

class LimnerPrompt extends LitElement {
  static properties = {
    prompt: {}, model: {}, heated: {},
    parsed: { state: true }, plan: { state: true }, failed: { state: true },
    chosen: { state: true }, pinned: { state: true },
  };

  constructor() {
    super();
    Object.assign(this, { prompt: "", parsed: null, plan: null, failed: "", chosen: -1, pinned: null });
    this.number = 0;
  }

  createRenderRoot() { return this; }

  willUpdate(changed) {
    if (changed.has("prompt") || changed.has("model")) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.understand(), PAUSE);
    }
  }

  async understand() {
    const number = this.number += 1;
    const { prompt, model } = this;
    if (!prompt.trim()) {
      Object.assign(this, { parsed: null, plan: null, failed: "" });
      return;
    }
    try {
      const parsed = await ask("/api/v1/prompt/parse", given({ prompt, model }));
      const plan = await ask("/api/v1/plan", given({ prompt, model }));
      if (number !== this.number) return;
      Object.assign(this, { parsed, plan, failed: "", read: prompt });
      this.say("planned", plan);
    } catch (error) {
      if (number === this.number) this.failed = error.status === 401 ? "" : error.message;
    }
  }

  say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  get words() {
    return this.parsed && this.read === this.prompt ? wordsOf(this.prompt, this.parsed) : this.earlier ?? [];
  }

  point(word) {
    this.say("pointed", word ?? this.pinned);
  }

  pin(word) {
    this.pinned = this.pinned === word ? null : word;
    this.point(null);
  }

  render() {
    const words = this.earlier = this.words;
    const tokens = this.parsed ? tokensOf(this.parsed) : 0;
    const most = this.parsed ? this.parsed.length - 2 : 0;
    return html`
      <label class="prompt">Prompt
        <textarea rows="3" spellcheck="false" .value=${live(this.prompt)}
          @input=${(event) => { this.chosen = -1; this.say("typed", event.target.value); }}
          aria-describedby="understood"></textarea></label>
      <ul class="chips" aria-label="Words of the prompt">
        ${words.map((word, index) => this.chip(word, index))}
      </ul>
      ${words[this.chosen] ? this.weight(words[this.chosen]) : nothing}
      <div id="understood" class="understood">
        ${this.failed ? html`<p class="failed">${this.failed}</p>` : this.reading()}
        ${tokens ? html`<p class="hint">${tokens} of ${most} tokens${tokens > most
          ? "; a longer prompt is read in pieces" : ""}</p>` : nothing}
      </div>`;
  }

  chip(word, index) {
    const note = this.plan ? noteAbout(word.word, this.plan.notes) : undefined;
    const weight = Math.round(word.weight * 100) / 100;
    const name = [word.word, weight === 1 ? "" : `weight ${weight}`, note ? "not understood" : ""];
    return html`<li><button class="chip ${note ? "unknown" : ""} ${this.pinned === word.word ? "pinned" : ""}"
      aria-expanded=${this.chosen === index} aria-label=${name.filter(Boolean).join(", ")}
      title=${note ?? "Weight, and what it painted"}
      @pointerenter=${() => this.point(word.word)} @pointerleave=${() => this.point(null)}
      @focus=${() => this.point(word.word)} @blur=${() => this.point(null)}
      @click=${() => { this.chosen = this.chosen === index ? -1 : index; }}>
      ${word.word}${weight === 1 ? nothing : html`<small>${weight}</small>`}</button></li>`;
  }

  weight(word) {
    const set = (event) => {
      const weight = Number(event.target.value);
      if (weight > 0) this.say("typed", weighted(this.prompt, word, weight));
    };
    const value = Math.round(word.weight * 100) / 100;
    return html`<div class="row weight">
      <label>Weight of “${word.word}”
        <input type="range" min="0.1" max="2" step="0.05" .value=${live(String(value))} @change=${set}></label>
      <label>as a number
        <input type="number" min="0.1" max="10" step="0.05" .value=${live(String(value))} @change=${set}></label>
      ${this.heated ? html`<button aria-pressed=${this.pinned === word.word}
        @click=${() => this.pin(word.word)}>Keep its heat map</button>` : nothing}
    </div>`;
  }

  /** How the model reads it, and what it does not know. */
  reading() {
    if (!this.plan) return nothing;
    const { request, notes } = this.plan;
    const told = notes.find((note) => note.startsWith(READ));
    return html`
      <p><span class="hint">Read as</span> ${told?.slice(READ.length) ?? request.prompt}</p>
      ${notes.filter((note) => note !== told).map((note) => html`<p class="note">${note}</p>`)}`;
  }
}

customElements.define("limner-prompt", LimnerPrompt);
