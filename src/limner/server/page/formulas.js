// The formulas of a picture's making, and where in the package each stands: file#name.

/** What a network's output means: how the denoised picture comes of it. */
export const PREDICTIONS = {
  Flow: ["x₀ = x − σ v", "Liu et al. 2022, eq. 1"],
  Epsilon: ["x₀ = (x − σ ε) / α", "DDPM, eq. 15"],
  V: ["x₀ = α x − σ v", "Salimans and Ho 2022, appendix D"],
  Preconditioned: ["x₀ = c_skip x + c_out F", "Karras et al. 2022, table 1"],
  Sample: ["x₀ = the output", "DDPM, section 3.2"],
};

export const SOURCES = {
  tokens: "text/tokenizer.py#Tokenizer.normalise",
  encoder: "models/clip.py#TextTower.forward",
  attention: "nn/attention.py#multi_head_attention",
  noise: "diffusion/process.py#Level.add_noise",
  unet: "models/unet.py#UNet.forward",
  dit: "models/dit.py#DiT.forward",
  prediction: (name) => `diffusion/prediction.py#${name}.denoised`,
  guidance: "diffusion/guidance.py#Guidance.combined",
  decoder: "models/autoencoder.py#Autoencoder.decode",
};
