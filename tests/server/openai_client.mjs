// What OpenAI's SDK for JavaScript makes of a server, as one line of JSON.
//   node openai_client.mjs FOLDER_OF_PACKAGES URL SECONDS_UNTIL_ABORT

import { createRequire } from 'node:module';

const [folder, url, seconds] = process.argv.slice(2);
const { OpenAI, toFile } = createRequire(folder)('openai');
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
const kind = (base64) => Buffer.from(base64, 'base64').subarray(1, 4).toString();
const refused = async (wish) => {
  try {
    await client.images.generate({ prompt: 'a cat', ...wish });
  } catch (error) {
    return [error.constructor.name, error.status, error.param, error.message];
  }
};

const said = {};
said.models = (await client.models.list()).data.map((model) => model.id);
const wish = { prompt: 'a red apple', n: 2, size: '64x32', seed: 3 };
const made = await client.images.generate(wish);
said.pictures = made.data.map((each) => kind(each.b64_json));
said.size = made.size;
said.same = (await client.images.generate(wish)).data[0].b64_json === made.data[0].b64_json;

const file = await toFile(Buffer.from(made.data[0].b64_json, 'base64'), 'one.png', { type: 'image/png' });
const edited = await client.images.edit({ image: file, prompt: 'a blue apple', strength: 0.5 });
said.edited = edited.data.map((each) => kind(each.b64_json));

said.events = [];
const stream = await client.images.generate({
  prompt: 'a cat', stream: true, partial_images: 2, num_inference_steps: 6,
});
for await (const event of stream) said.events.push([event.type, kind(event.b64_json)]);

said.wrongSize = await refused({ size: 'big' });
said.wrongModel = await refused({ model: 'nope' });

const long = { prompt: 'a cat', num_inference_steps: 1000, limner: { solver: 'euler' } };
try {
  await client.images.generate(long, { signal: AbortSignal.timeout(1000 * Number(seconds)) });
} catch (error) {
  said.aborted = error.constructor.name;
}
console.log(JSON.stringify(said));
