// A request as something to paste: a command, Python, curl.

const shell = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;
const python = (value) => {
  if (typeof value === "boolean") return value ? "True" : "False";
  return JSON.stringify(value);
};
const PLAIN = ["string", "number"];
/** Whether every setting is a text or a number: what a command's options can say. */
const simple = (fields) => Object.values(fields).every((value) => PLAIN.includes(typeof value));

/** limner paint 'a red apple' --seed 7; of regions and the like, the picture's own record. */
export function command({ prompt, size, ...fields }) {
  if (!simple(fields)) return "limner paint --from picture.png  # the picture, saved";
  const sized = size ? { size: size.join("x"), ...fields } : fields;
  const options = Object.entries(sized).map(([name, value]) => {
    const text = /^[\w.-]+$/.test(value) ? value : shell(value);
    return ` --${name.replaceAll("_", "-")} ${text}`;
  });
  return `limner paint ${shell(prompt)}${options.join("")}`;
}

export function asPython({ prompt, model, ...fields }) {
  const loaded = model ? `limner.load(${python(model)})` : "limner.load()";
  const options = Object.entries(fields).map(([name, value]) => `, ${name}=${python(value)}`);
  const asked = simple(fields)
    ? `generate(${python(prompt)}${options.join("")})`
    : `paint(limner.Request.from_json(${python(JSON.stringify({ prompt, ...fields }))}))`;
  return `import limner\n\nresult = ${loaded}.${asked}\nresult.images[0].save("picture.png")`;
}

export function curl(fields, origin) {
  return `curl ${origin}/api/v1/jobs -H 'Content-Type: application/json' `
    + `-d ${shell(JSON.stringify(fields))}`;
}
