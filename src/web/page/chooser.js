// A dialog that shows the folders of this machine.

import { make, post, Refused, size } from '/api.js';

const byId = (id) => document.getElementById(id);
const dialog = byId('chooser');
let now = null;

/**
 * Lets a person choose, from `start` on. `what` is 'folder' (the one that is shown), 'file' (one), or 'paths'
 * (several, of both kinds). Resolves to a list, which is empty when nothing was chosen.
 */
export function choose(what, start) {
  const titles = { folder: 'Choose a folder', file: 'Choose a file', paths: 'Choose files and folders' };
  byId('chooser-title').textContent = titles[what];
  byId('chooser-new').hidden = what !== 'folder';
  return new Promise((resolve) => {
    now = { what, chosen: new Map(), resolve };
    dialog.showModal();
    show(start);
  });
}

function close(chosen) {
  const { resolve } = now;
  now = null;
  dialog.close();
  resolve(chosen);
}

/** A path in the form that the program reads. */
export function reference({ path, path_bytes: bytes }) {
  return bytes ? { path, path_bytes: bytes } : { path };
}

async function show(folder) {
  let listed;
  try {
    listed = await post('list', reference(folder));
  } catch (error) {
    byId('chooser-note').textContent = error.message;
    if (now && !now.folder && error instanceof Refused) show({});
    return;
  }
  if (!now) return;
  now.folder = { ...reference(listed), name: listed.path.split('/').pop() || listed.path };
  const above = [...listed.parents].reverse().map((parent) => (
    make('button', { type: 'button', className: 'quiet', onclick: () => show(parent) }, parent.name)
  ));
  byId('chooser-path').replaceChildren(...above, make('strong', {}, now.folder.name));
  const shown = listed.entries.filter((entry) => !entry.name.startsWith('.') && entry.kind !== 'other');
  byId('chooser-list').replaceChildren(...shown.map(row));
  byId('chooser-list').scrollTop = 0;
  const rest = listed.left_out ? `${listed.left_out} more are not shown. ` : '';
  const empty = shown.length ? '' : 'There is nothing here. ';
  byId('chooser-note').textContent = `${empty}${rest}${size(listed.free ?? 0)} free`;
  tell();
}

function row(entry) {
  const isFolder = entry.kind === 'folder';
  const name = isFolder
    ? make('button', { type: 'button', className: 'name folder-name', onclick: () => show(entry) }, entry.name)
    : make('span', { className: 'name' }, entry.name);
  const bytes = make('span', { className: 'size' }, isFolder ? '' : size(entry.bytes));
  if (now.what === 'paths') {
    const box = make('input', {
      type: 'checkbox',
      checked: now.chosen.has(entry.path),
      'aria-label': `Choose ${entry.name}`,
      onkeydown: (event) => { if (event.key === 'Enter') box.click(); },
      onchange: () => {
        if (box.checked) now.chosen.set(entry.path, entry);
        else now.chosen.delete(entry.path);
        tell();
      },
    });
    if (!isFolder) return make('li', {}, make('label', { className: 'pick' }, box, name, bytes));
    return make('li', {}, box, name, bytes);
  }
  if (now.what === 'file' && !isFolder) {
    const take = make('button', { type: 'button', className: 'name', onclick: () => close([entry]) }, entry.name);
    return make('li', {}, take, bytes);
  }
  return make('li', { className: isFolder ? '' : 'dim' }, name, bytes);
}

function tell() {
  const take = byId('chooser-take');
  const count = now.chosen.size;
  take.hidden = now.what === 'file';
  take.disabled = now.what === 'paths' && !count;
  take.textContent = now.what === 'folder' ? 'Use this folder' : `Choose ${count || ''}`.trim();
}

byId('chooser-take').onclick = () => close(now.what === 'folder' ? [now.folder] : [...now.chosen.values()]);
byId('chooser-cancel').onclick = () => close([]);
dialog.oncancel = (event) => {
  event.preventDefault();
  close([]);
};
byId('chooser-new').onclick = async () => {
  const row = make('li', {});
  const name = make('input', { type: 'text', 'aria-label': 'Name of the new folder' });
  const done = async () => {
    if (!name.value.trim()) {
      row.remove();
      return;
    }
    try {
      show(await post('folder', { ...reference(now.folder), name: name.value }));
    } catch (error) {
      byId('chooser-note').textContent = error.message;
    }
  };
  name.onkeydown = (event) => {
    if (event.key === 'Enter') done();
  };
  row.append(name, make('button', { type: 'button', onclick: done }, 'Make'));
  byId('chooser-list').prepend(row);
  name.focus();
};
