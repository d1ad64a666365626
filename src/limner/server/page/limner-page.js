// The page: what was asked for, what is shown, and who does what. Its parts are elements below.
import { html, LitElement, nothing } from "./lit.js";
import { ask, dataUrl } from "./server.js";
import { Live } from "./live.js";
import { Queue } from "./queue.js";
import * as keeping from "./keeping.js";
import "./limner-door.js";
import "./limner-gallery.js";
import "./limner-help.js";
import "./limner-prompt.js";
import "./limner-queue.js";
import "./limner-settings.js";
import "./limner-stage.js";
import "./limner-tools.js";

const FIRST = "a red apple, 3d";
const OWN = ["prompt", "negative", "seed", "steps", "guidance", "count", "model"]; // what it can set
const ownOf = (fields) => Object.entries(fields).filter(([name, value]) => OWN.includes(name) && value !== undefined);
const random = () => Math.floor(Math.random() * 2 ** 32);

class LimnerPage extends LitElement {
  static properties = {
    fields: { state: true }, live: { state: true }, models: { state: true },
    plan: { state: true }, shown: { state: true }, word: { state: true },
    said: { state: true }, failed: { state: true }, locked: { state: true },
    busy: { state: true }, kept: { state: true },
  };

  constructor() {
    super();
    this.fields = { prompt: FIRST, negative: "", seed: random(), ...remembered() };
    Object.assign(this, { live: true, models: [], plan: null, shown: null, word: null });
    Object.assign(this, { said: "", failed: "", locked: false, busy: false, kept: [] });
    this.queue = new Queue(this, (job, entry) => this.ended(job, entry));
    this.run = async (fields, about) => (await this.queue.paint(fields, about)).done;
    this.painter = new Live({
      begun: () => { this.busy = true; },
      shown: (job) => this.showLive(job),
      failed: (error) => this.fail(error),
    });
  }

  createRenderRoot() { return this; }

  connectedCallback() {
    super.connectedCallback();
    document.addEventListener("keydown", (event) => this.pressed(event));
    this.begin();
  }

  async begin() {
    try {
      this.models = (await ask("/api/v1/capabilities")).models;
      this.locked = false;
      this.kept = await keeping.all();
      if (!this.queue.jobs.length) this.typed();
    } catch (error) {
      this.fail(error);
    }
  }

  /** What the settings say, for a request. */
  asked(more = {}) {
    return { ...this.fields, ...more };
  }

  change(fields) {
    // what a picture's record said beyond the page's settings goes with its prompt
    const before = "prompt" in fields ? Object.fromEntries(ownOf(this.fields)) : this.fields;
    this.fields = { negative: "", ...before, ...fields };
    history.replaceState(null, "", `#${new URLSearchParams(memorable(this.fields))}`);
    this.typed();
  }

  typed() {
    const { prompt, negative, seed, model } = this.fields;
    if (!prompt.trim()) {
      this.painter.stop();
    } else if (this.live) {
      this.painter.typed({ prompt, negative, seed, model });
    }
  }

  showLive(job) {
    this.busy = false;
    this.failed = "";
    const fields = this.asked();
    this.shown = { url: job.images[0], job, live: true, alt: fields.prompt, fields };
    this.said = "";
  }

  fail(error) {
    this.busy = false;
    if (error.name === "AbortError") return;
    if (error.status === 401) this.locked = true;
    this.failed = error instanceof TypeError
      ? "The server does not answer. It may be stopped; this page goes on once it is there."
      : error.message;
  }

  /** Paint at full steps; what is seen of it later is recorded. */
  async paint(more = {}, about = {}) {
    this.painter.stop();
    const fields = this.asked(more);
    if (!fields.prompt.trim()) {
      this.fail(new Error("There are no words yet: write what you want to see."));
      this.querySelector("textarea").focus();
      return null;
    }
    const asked = { ...fields, keep_steps: true, heatmaps: true };
    try {
      const label = about.label ?? fields.prompt;
      const entry = await this.queue.paint(asked, { role: "paint", ...about, label });
      this.said = "Painting.";
      this.failed = "";
      return entry;
    } catch (error) {
      this.fail(error);
      return null;
    }
  }

  async ended(job, entry) {
    this.busy = false;
    this.said = "";
    if (job.status === "failed") this.fail(new Error(job.error?.message ?? "It failed."));
    if (job.status === "cancelled") this.said = "Cancelled.";
    if (!job.images.length) return;
    const { keep_steps, heatmaps, ...fields } = entry.said;
    this.said = entry.role === "paint" ? `Done: seed ${job.seeds.join(", ")}.` : "Done.";
    if (entry.role === "paint") {
      this.shown = { url: job.images[0], job, live: false, alt: entry.label, fields, heatmaps };
    }
    if (entry.role === "paint" || entry.role === "sweep") await this.keep(job, fields);
  }

  /** A change that was staged becomes what is shown, and is kept. */
  async take({ url, job, fields, changed }) {
    this.shown = { url, job: null, live: false, alt: fields.prompt, fields };
    this.said = "Taken.";
    await this.keep(job, fields, changed);
  }

  async keep(job, fields, changed = false) {
    for (const [number, path] of job.images.entries()) {
      const url = await dataUrl(path);
      const said = { ...fields, seed: job.seeds[number] };
      delete said.count;
      const picture = { id: `${job.id}-${number}`, url, prompt: fields.prompt ?? "", fields: said };
      await keeping.put({ ...picture, made: Date.now() + number, favourite: false, changed });
    }
    this.kept = await keeping.all();
  }

  pressed(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.paint();
    } else if (event.key === "Escape" && !this.querySelector("dialog[open]")) {
      this.painter.stop();
      for (const entry of this.queue.jobs) this.queue.cancel(entry);
    }
  }

  /** A picture of the gallery, or of a file that was dropped: its settings, and itself. */
  recall({ fields, url, alt, show = true }) {
    this.painter.stop();
    this.fields = { prompt: "", negative: "", ...fields };
    if (show) this.shown = { url, job: null, live: false, alt: alt ?? fields.prompt, fields };
    history.replaceState(null, "", `#${new URLSearchParams(memorable(this.fields))}`);
    this.said = "All settings are those of this picture.";
  }

  render() {
    return html`
      <header class="top">
        <h1>Limner</h1>
        <p class="hint">Words in, pictures out, and how.</p>
        <limner-help></limner-help>
        <a href="/docs">API</a>
      </header>
      ${this.locked ? html`<limner-door @opened=${() => this.begin()}></limner-door>` : nothing}
      <main>
        <div class="columns">
          <section class="card" aria-label="What to paint">${this.asking()}</section>
          <section class="card seeing" aria-label="The picture">${this.seeing()}</section>
        </div>
        <limner-queue .queue=${this.queue} .jobs=${this.queue.jobs}></limner-queue>
        <limner-tools .shown=${this.shown} .fields=${this.fields} .models=${this.models}
          .run=${this.run} @recalled=${(event) => this.recall(event.detail)}
          @taken=${(event) => this.take(event.detail)}></limner-tools>
        <limner-gallery .pictures=${this.kept}
          @recalled=${(event) => this.recall(event.detail)}
          @changed=${async () => { this.kept = await keeping.all(); }}
          @failed=${(event) => this.fail(event.detail)}></limner-gallery>
      </main>`;
  }

  asking() {
    return html`
      <limner-prompt .prompt=${this.fields.prompt} .model=${this.fields.model}
        .heated=${Boolean(this.shown?.heatmaps)}
        @typed=${(event) => this.change({ prompt: event.detail })}
        @planned=${(event) => { this.plan = event.detail; }}
        @pointed=${(event) => { this.word = event.detail; }}></limner-prompt>
      <limner-settings .fields=${this.fields} .models=${this.models} .live=${this.live}
        @changed=${(event) => this.change(event.detail)}
        @live=${(event) => { this.live = event.detail; if (this.live) this.typed(); }}>
      </limner-settings>
      <div class="row actions">
        <button class="first" @click=${() => this.paint()}>Paint <kbd>Ctrl Enter</kbd></button>
        <button @click=${() => this.change({ seed: random() })}>Another seed</button>
      </div>
      <p class="failed" role="alert">${this.failed}</p>`;
  }

  seeing() {
    const first = this.queue.jobs.find((entry) => entry.role === "paint");
    return html`
      <limner-stage .shown=${this.shown} .word=${this.word} .preview=${first?.preview}
        ?busy=${this.busy || Boolean(first)}></limner-stage>
      <p class="status" role="status">${this.queue.lost
        ? "The server does not answer; trying again." : first && 2 * first.step >= first.total && first.total
          ? "Half of it is painted." : this.said}</p>`;
  }
}

/** What the address holds after its #, which no browser sends to a server. */
function remembered() {
  const said = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  for (const name of ["seed", "steps", "guidance", "count"]) {
    if (name in said) said[name] = Number(said[name]);
  }
  return said;
}

function memorable(fields) {
  return ownOf(fields).filter(([, value]) => value !== "").map(([name, value]) => [name, String(value)]);
}

customElements.define("limner-page", LimnerPage);
