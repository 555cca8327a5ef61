/** What the small examples have around the call: who one is, a place for pictures, a line to write, and what was said. */
document.body.insertAdjacentHTML(
  'beforeend',
  `<form id="join">
    <select id="who" aria-label="Who you are">
      <option value="alice">Alice</option>
      <option value="bob">Bob</option>
      <option value="demo">Demo</option>
    </select>
    <button>Join</button>
  </form>
  <div id="videos" class="videos"></div>
  <form id="chat" hidden>
    <input id="text" aria-label="Message" autocomplete="off" />
    <button>Send</button>
  </form>
  <ol id="messages"></ol>`,
);

export const byId = (id) => document.getElementById(id);

/** Calls `join` with the name of a demo account, and then `say` with what is written. Both answer a promise. */
export function start(join, say) {
  byId('join').onsubmit = (event) => {
    event.preventDefault();
    byId('join').hidden = true;
    join(byId('who').value).then(
      () => (byId('chat').hidden = false),
      (error) => {
        note(error.message);
        byId('join').hidden = false;
      },
    );
  };
  byId('chat').onsubmit = (event) => {
    event.preventDefault();
    say(byId('text').value).catch((error) => note(`Not sent: ${error.message}`));
    byId('text').value = '';
  };
}

/** Shows a stream; the element has the stream's id. */
export function show(stream, muted) {
  const picture = { id: stream.id, srcObject: stream, autoplay: true, playsInline: true, muted };
  byId('videos').append(Object.assign(document.createElement('video'), picture));
}

export function note(text) {
  byId('messages').append(Object.assign(document.createElement('li'), { textContent: text }));
}
