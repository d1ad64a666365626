// How this picture was made, stage by stage, with its own numbers, formulas and where they stand.
import { html, LitElement, nothing } from "./lit.js";
import { PREDICTIONS, SOURCES } from "./formulas.js";
import { STEPS } from "./live.js";
import { ask, given } from "./server.js";
import { tokenised } from "./words.js";

const MOST_SHOWN = 8; // steps of which a picture is shown

class LimnerMaking extends LitElement {
  static properties = { shown: {}, plan: { state: true }, tokens: { state: true }, failed: { state: true } };

  createRenderRoot() { return this; }

  willUpdate(changed) {
    if (changed.has("shown")) this.ask();
  }

  /** The plan of the picture that is shown, by the settings that it was painted with. */
  async ask() {
    const shown = this.shown;
    Object.assign(this, { plan: null, failed: "" });
    if (!shown) return;
    const { count, ...fields } = shown.fields;
    const small = shown.live ? { steps: STEPS, upscale: 1 } : {};
    try {
      const plan = await ask("/api/v1/plan", given({ ...fields, ...small, heatmaps: Boolean(shown.heatmaps) }));
      const { prompt, regions, layout } = plan.request;
      const parsed = await ask("/api/v1/prompt/parse", given({ model: plan.model,
        prompt: layout === "collage" ? regions[0].text : prompt }));
      if (shown === this.shown) Object.assign(this, { plan, tokens: tokenised(parsed) });
    } catch (error) {
      this.failed = error.message;
    }
  }

  render() {
    if (this.failed) return html`<p class="failed">${this.failed}</p>`;
    if (!this.plan || !this.shown) return html`<p class="hint">${this.shown ? "Looking." : "There is no picture yet."}</p>`;
    const collage = this.plan.request.layout === "collage";
    return html`
      ${collage ? html`<p class="hint">This picture is laid of parts, painted side by side; what follows holds for each of them.</p>` : nothing}
      <ol class="making">${this.reading(collage)}${this.painting()}</ol>`;
  }

  /** From the prompt to the context. */
  reading(collage) {
    const { request, context: [length, width] } = this.plan;
    return html`
      ${this.stage("Tokens", html`The prompt as the model reads it${collage ? ", of the first part" : ""}, “${collage
        ? request.regions[0].text : request.prompt}”, becomes numbers, filled up to ${length}:`,
        html`<p class="tokens">${this.tokens.map(({ text, id }) => html`<span>${text} <small>${id}</small></span> `)}</p>
        ${this.formula("s → (start, t₁ … tₙ, end, pad …)", "lecture, eq. 7", SOURCES.tokens)}`)}
      ${this.stage("Text encoder", html`Each of the ${length} tokens becomes ${width} numbers that know of the words around it.`,
        html`${this.formula(html`context = H<sub>N</sub>(E[t] + P)`, "lecture, eq. 54–58", SOURCES.encoder)}
        ${this.formula("softmax(q kᵀ / √d) v", "lecture, eq. 32–35", SOURCES.attention)}`)}`;
  }

  /** From noise to pixels. */
  painting() {
    const { request, levels, latent, stride, prediction, denoiser, solver_source: solver } = this.plan;
    const [channels, height, width] = latent;
    const sigma = (level) => level.sigma.toFixed(2);
    const seeds = this.shown.job?.seeds ?? [];
    const [means, of] = PREDICTIONS[prediction];
    return html`
      ${this.stage("Noise", html`It begins with ${channels} × ${height} × ${width} random numbers,
        drawn from the seed${seeds.length ? ` ${seeds[0]}` : ""}, at α = ${levels[0].alpha.toFixed(2)}, σ = ${sigma(levels[0])}.`,
        this.formula("x = α x₀ + σ ε", "DDPM, eq. 4", SOURCES.noise))}
      ${this.stage("Denoiser", html`${levels.length - 1} times the network looks at x and at the words, and says what
        the picture is; the solver ${request.solver} goes on to less noise, σ = ${levels.slice(1, 4).map(sigma).join(", ")} … ${sigma(levels.at(-1))}.`,
        html`${this.steps()}
        ${this.formula(means, of, SOURCES.prediction(prediction))}
        ${this.formula("v, ε or x₀ = network(x, t, context)", "", denoiser === "unet" ? SOURCES.unet : SOURCES.dit)}
        ${this.formula("dx / dσ = (x − x₀) / σ", request.solver, solver)}`)}
      ${this.stage("Guidance", request.guidance === 1 ? html`None: the words alone.`
        : html`Each time it is asked without the words too, and led ${request.guidance} times as far towards them.`,
        this.formula(`x₀ = without + ${request.guidance} (with − without)`, "Ho and Salimans 2022, eq. 6", SOURCES.guidance))}
      ${this.stage("Decoder", html`Each of the ${height} × ${width} places becomes ${stride} × ${stride}
        pixels${request.upscale > 1 ? html`, and the upscaler makes that ${request.upscale} times as large` : nothing}.`,
        this.formula("pixels = decode(x₀)", "", SOURCES.decoder))}`;
  }

  stage(name, text, more = nothing) {
    return html`<li><h3>${name}</h3><p>${text}</p>${more}</li>`;
  }

  /** A formula, whence it is, and where it stands in the source. */
  formula(text, whence, source) {
    const [file, name] = source.split("#");
    return html`<div class="formula"><p>${text}</p>
      <p class="hint">${whence ? `${whence}; ` : nothing}<a href="/source/${source}" target="_blank" rel="noopener">${name} in ${file}</a></p></div>`;
  }

  /** The denoised picture of some steps, where they were kept. */
  steps() {
    const { job, live } = this.shown;
    if (live || !job?.total) return html`<p class="hint">Paint it in full to see its steps here.</p>`;
    const every = Math.max(1, Math.ceil(job.total / MOST_SHOWN));
    const numbers = Array.from({ length: job.total }, (_, index) => index + 1).filter((step) => step % every === 0 || step === 1);
    return html`<div class="film">${numbers.map((step) => html`<img loading="lazy"
      src="${job.links.self}/steps/${step}" alt="Step ${step}">`)}</div>`;
  }
}

customElements.define("limner-making", LimnerMaking);
