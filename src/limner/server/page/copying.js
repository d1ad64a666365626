// A request as something to paste: a command, Python, curl.

const shell = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;
const python = (value) => {
  if (typeof value === "boolean") return value ? "True" : "False";
  return JSON.stringify(value);
};

/** limner 'a red apple' --seed 7 */
export function command({ prompt, ...fields }) {
  const options = Object.entries(fields).map(([name, value]) => {
    const text = Array.isArray(value) ? value.join("x") : value;
    return ` --${name.replaceAll("_", "-")} ${/^[\w.-]+$/.test(text) ? text : shell(text)}`;
  });
  return `limner paint ${shell(prompt)}${options.join("")}`;
}

export function asPython({ prompt, model, ...fields }) {
  const options = Object.entries(fields).map(([name, value]) => `, ${name}=${python(value)}`);
  const loaded = model ? `limner.load(${python(model)})` : "limner.load()";
  return `import limner\n\nresult = ${loaded}.generate(${python(prompt)}${options.join("")})\n`
    + 'result.images[0].save("picture.png")';
}

export function curl(fields, origin) {
  return `curl ${origin}/api/v1/jobs -H 'Content-Type: application/json' `
    + `-d ${shell(JSON.stringify(fields))}`;
}
