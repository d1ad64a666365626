// The gallery, kept by the browser: pictures, what they were asked with, favourites.
const NAME = "limner", SHELF = "pictures";

function opened() {
  return new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(SHELF, { keyPath: "id" });
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

async function doing(mode, work) {
  const base = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const change = base.transaction(SHELF, mode);
      const asked = work(change.objectStore(SHELF));
      change.oncomplete = () => resolve(asked.result);
      change.onerror = change.onabort = () => reject(change.error);
    });
  } finally {
    base.close();
  }
}

/** {id, url, prompt, fields, seed, made, favourite}; url: a data URL of the PNG with its record. */
export const put = (picture) => doing("readwrite", (shelf) => shelf.put(picture));
export const remove = (id) => doing("readwrite", (shelf) => shelf.delete(id));

/** All pictures, the newest first. */
export async function all() {
  const found = await doing("readonly", (shelf) => shelf.getAll());
  return found.sort((one, other) => other.made - one.made);
}
