// How this picture was made, stage by stage, with its own numbers, formulas and where they stand.
import { html, LitElement, nothing } from "./lit.js";
import { STEPS } from "./live.js";
import { ask, given } from "./server.js";

const MOST_SHOWN = 8; // steps of which a picture is shown

class LimnerMaking extends LitElement {
  static properties = { shown: {}, plan: { state: true }, failed: { state: true } };

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
      if (shown === this.shown) this.plan = plan;
    } catch (error) {
      this.failed = error.message;
    }
  }

  render() {
    if (this.failed) return html`<p class="failed">${this.failed}</p>`;
    if (!this.plan || !this.shown) return html`<p class="hint">There is no picture yet.</p>`;
    const { request, levels, context, latent, stride, prediction, denoiser } = this.plan;
    const collage = request.layout === "collage";
    const [channels, height, width] = latent;
    const first = levels[0];
    const sigma = (level) => level.sigma.toFixed(2);
    return html`
      ${collage ? html`<p class="hint">This picture is laid of parts, painted side by side; what follows holds for each of them.</p>` : nothing}
      <ol class="making">
        ${this.stage("Tokens", "text/tokenizer.py", html`The prompt as the model reads it, “${request.prompt}”, becomes
          numbers, and is filled up to ${context[0]}.`)}
        ${this.stage("Text encoder", "models/clip.py", html`Each of the ${context[0]} tokens becomes ${context[1]} numbers
          that know of the words around it.`, "context: (L, D)")}
        ${this.stage("Noise", "diffusion/process.py", html`It begins with ${channels} × ${height} × ${width} random numbers,
          drawn from the seed${this.shown.job?.seeds?.length ? ` ${this.shown.job.seeds[0]}` : ""}, at σ = ${sigma(first)}.`,
          "x = α x₀ + σ ε")}
        ${this.stage("Denoiser", denoiser === "unet" ? "models/unet.py" : "models/dit.py", html`${levels.length - 1} times the network looks at x and at the words,
          and says what the picture is (${prediction}); solver ${request.solver} goes on to less noise,
          σ = ${levels.slice(1, 4).map(sigma).join(", ")} … ${sigma(levels.at(-1))}.`, "denoise(x, σ) → x₀", this.steps())}
        ${this.stage("Guidance", "diffusion/guidance.py", request.guidance === 1 ? html`None: the words alone.`
          : html`Each time it is asked without the words too, and led ${request.guidance} times as far towards them.`,
          `x₀ = without + ${request.guidance} (with − without)`)}
        ${this.stage("Decoder", "models/autoencoder.py", html`Each of the ${height} × ${width} places becomes
          ${stride} × ${stride} pixels${request.upscale > 1 ? html`, and the upscaler makes that ${request.upscale} times as large` : nothing}.`,
          "decode(latent) → pixels")}
      </ol>`;
  }

  stage(name, file, text, formula, more = nothing) {
    return html`<li><h3>${name}</h3><p>${text}</p>${more}
      ${formula ? html`<p class="formula">${formula}</p>` : nothing}<p class="hint">src/limner/${file}</p></li>`;
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
