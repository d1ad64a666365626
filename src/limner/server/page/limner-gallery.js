// What was painted, kept by this browser alone: to find, like, use again, copy and delete.
import { html, LitElement, nothing, repeat } from "./lit.js";
import { ask, urlOf } from "./server.js";
import { asPython, command, curl } from "./copying.js";
import * as keeping from "./keeping.js";

const WAYS = [["limner", command], ["Python", asPython], ["curl", (said) => curl(said, location.origin)]];

class LimnerGallery extends LitElement {
  static properties = {
    pictures: {}, sought: { state: true }, liked: { state: true }, open: { state: true },
    deleted: { state: true }, copied: { state: true }, over: { state: true },
  };

  constructor() {
    super();
    Object.assign(this, { pictures: [], sought: "", liked: false, open: null, deleted: [], copied: "" });
  }

  createRenderRoot() { return this; }

  /** Wherever on the page a file is dropped, it is for the gallery: the browser would leave for it. */
  connectedCallback() {
    super.connectedCallback();
    const over = (is) => (event) => { event.preventDefault(); this.over = is; };
    document.addEventListener("dragover", over(true));
    document.addEventListener("dragleave", over(false));
    document.addEventListener("drop", (event) => this.dropped(event));
  }

  say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  get found() {
    const words = this.sought.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = (picture) => words.every((word) => picture.prompt.toLowerCase().includes(word));
    return this.pictures.filter((picture) => matches(picture) && (!this.liked || picture.favourite));
  }

  async like(picture) {
    await keeping.put({ ...picture, favourite: !picture.favourite });
    this.say("changed");
  }

  async remove(picture) {
    await keeping.remove(picture.id);
    this.deleted = [picture, ...this.deleted];
    this.say("changed");
    await this.updateComplete;
    this.querySelector(".undo")?.focus();
  }

  async undo() {
    const [last, ...others] = this.deleted;
    this.deleted = others;
    await keeping.put(last);
    this.say("changed");
  }

  use(picture) {
    this.say("recalled", { fields: picture.fields, url: picture.url, alt: picture.prompt });
  }

  async copy(picture, name, way) {
    const text = way(picture.fields);
    this.copied = { id: picture.id, name, text };
    try {
      await navigator.clipboard.writeText(text);
    } catch { /* not allowed: the text is shown to be copied by hand */ }
  }

  /** A file's picture and all of its settings, whoever painted it. */
  async take(file) {
    if (!file) return;
    try {
      const url = await urlOf(file);
      const { request, model, others } = await ask("/api/v1/record", { picture: url });
      if (!Number.isSafeInteger(request.seed ?? 0)) throw new Error("The seed of this picture is too large for a page.");
      const fields = settings(request);
      this.say("recalled", { fields, url, alt: request.prompt });
      const unread = Object.keys(others).filter((name) => !["Model", "Version"].includes(name));
      this.copied = { text: [model ? `Painted by ${model}.` : "", unread.length
        ? `Not used: ${unread.join(", ")}.` : ""].filter(Boolean).join(" ") };
    } catch (error) {
      this.say("failed", error);
    }
  }

  dropped(event) {
    event.preventDefault();
    this.over = false;
    this.take(event.dataTransfer?.files[0]);
  }

  render() {
    const found = this.found;
    return html`<section class="card gallery ${this.over ? "over" : ""}" aria-label="Gallery">
      <div class="row">
        <h2>Gallery</h2>
        <label class="grow"><span class="unseen">Search by words</span>
          <input type="search" placeholder="Search by words" @input=${(event) => { this.sought = event.target.value; }}></label>
        <button aria-pressed=${this.liked} @click=${() => { this.liked = !this.liked; }}>Favourites</button>
        <label class="button">Settings of a file
          <input class="unseen" type="file" accept="image/png,image/jpeg,image/webp"
            @change=${(event) => { this.take(event.target.files[0]); event.target.value = ""; }}></label>
      </div>
      ${this.deleted.length ? html`<p class="row note">Deleted.
        <button class="undo" @click=${() => this.undo()}>Undo</button></p>` : nothing}
      ${this.copied && !this.copied.id && this.copied.text ? html`<p class="note">${this.copied.text}</p>` : nothing}
      ${found.length ? html`<ul class="pictures">
        ${repeat(found, (picture) => picture.id, (picture) => this.picture(picture))}</ul>`
        : html`<p class="hint">${this.pictures.length ? "None is so." : "Pictures painted at full steps are kept here, in this browser alone."}
          Drop a picture of Limner, A1111 or ComfyUI anywhere to get its settings back.</p>`}
    </section>`;
  }

  picture(picture) {
    const { id, prompt, favourite, fields } = picture;
    const open = this.open === id;
    return html`<li class=${open ? "open" : ""}>
      <button class="thumb" aria-expanded=${open} aria-label="${prompt || "A picture"}, seed ${fields.seed}"
        @click=${() => { this.open = open ? null : id; }}><img src=${picture.url} alt="" loading="lazy"></button>
      ${favourite ? html`<span class="liked" aria-hidden="true">★</span>` : nothing}
      ${open ? html`<div class="about">
        <p>${prompt} <span class="hint">seed ${fields.seed}</span></p>
        <div class="row">
          <button @click=${() => this.use(picture)}>Use all settings</button>
          <button @click=${() => this.say("recalled", { fields: { prompt, seed: fields.seed }, url: picture.url })}>Prompt and seed</button>
          <button aria-pressed=${favourite} @click=${() => this.like(picture)}>Favourite</button>
          <a class="button" href=${picture.url} download="${name(prompt)}.png">Save</a>
          <button @click=${() => this.remove(picture)}>Delete</button>
        </div>
        ${picture.changed ? html`<p class="hint">Made from another picture, which no command holds: save both, then limner edit or restyle.</p>`
        : html`<div class="row"><span class="hint">Copy as</span>
          ${WAYS.map(([label, way]) => html`<button @click=${() => this.copy(picture, label, way)}>${label}</button>`)}
        </div>`}
        ${this.copied?.id === id ? html`<pre tabindex="0" aria-label="${this.copied.name}, copied">${this.copied.text}</pre>` : nothing}
      </div>` : nothing}
    </li>`;
  }
}

const name = (prompt) => prompt.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 60) || "picture";

/** What of a record is worth saying: what is not at its default. */
function settings(request) {
  const plain = { count: 1, lenient: false, noise: "cpu", variation_strength: 0, guidance_rescale: 0,
    discard_penultimate: false, feather: 0, negative: "" };
  const told = ([name, value]) => value !== null && plain[name] !== value && value.length !== 0;
  return Object.fromEntries(Object.entries(request).filter(told));
}

customElements.define("limner-gallery", LimnerGallery);
