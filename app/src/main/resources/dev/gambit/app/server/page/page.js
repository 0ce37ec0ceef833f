'use strict';

const $ = id => document.getElementById(id);
const conversation = [];
let running = null; // the AbortController of the answer that is being written
let perRequest = false; // whether the server takes a level of sparsity with a request
let level = 0; // the model's own

const headers = () => {
  const h = { 'Content-Type': 'application/json' };
  if ($('key').value) h.Authorization = 'Bearer ' + $('key').value;
  return h;
};

const bytes = n => n >= 1e9 ? (n / 1e9).toFixed(2) + ' GB' : n >= 1e6 ? (n / 1e6).toFixed(n >= 1e8 ? 0 : 1) + ' MB' : Math.round(n / 1e3) + ' kB';
const percent = x => (100 * x).toFixed(0) + ' %';

async function failure(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return 'The server answered ' + response.status + '.';
  }
}

/** Asks what there is, again and again until the model is loaded. */
async function load() {
  try {
    const response = await fetch('props', { headers: headers() });
    if (response.status === 401) {
      $('model').textContent = 'this server wants an API key';
      $('keybox').open = true;
      return;
    }
    if (!response.ok) throw new Error();
    const props = await response.json();
    const settings = props.default_generation_settings;
    perRequest = props.sparsity.per_request && props.sparsity.thresholds;
    level = props.sparsity.level;
    $('model').textContent = `${props.model_alias} · ${bytes(props.weight_bytes)} · ${props.backend} · ${settings.n_ctx} tokens of context`;
    $('model').title = $('model').textContent;
    $('sparsity').value = level;
    $('sparsity').disabled = !perRequest;
    $('sparsitynote').textContent = perRequest ? 'fraction of channels to skip; 0 is dense'
      : props.sparsity.thresholds ? 'chosen when the server was started' : 'no thresholds: start the server with --chess';
    $('temperature').value = settings.params.temperature;
    show();
    examples(props.model_alias);
  } catch {
    $('model').textContent = 'loading the model…';
    setTimeout(load, 500);
  }
}

function examples(model) {
  const fable = /fable/i.test(model);
  const texts = fable
    ? ['Tell me a story about a dragon who is afraid of fire.', 'Write a story about a cat and a boat.', 'Once upon a time']
    : ['Why is the sky blue?', 'Write a haiku about rain.', 'Explain recursion to a child.'];
  $('examples').replaceChildren(...texts.map(text => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = text;
    button.onclick = () => ask(text);
    return button;
  }));
}

function show() {
  $('sparsityvalue').textContent = Number($('sparsity').value).toFixed(2);
  $('temperaturevalue').textContent = Number($('temperature').value).toFixed(2);
}

function add(role, text) {
  $('welcome').hidden = true;
  const item = document.createElement('li');
  item.className = role;
  const span = document.createElement('span');
  span.textContent = text;
  item.append(span);
  $('messages').append(item);
  bottom();
  return item;
}

const nearBottom = () => $('chat').scrollHeight - $('chat').scrollTop - $('chat').clientHeight < 80;
const bottom = () => { $('chat').scrollTop = $('chat').scrollHeight; };

function figures(t) {
  if (t.predicted_per_second > 0) $('speed').textContent = t.predicted_per_second.toFixed(1);
  if (t.predicted_n < 2) return; // the first token came from the prompt, which may be read densely
  $('read').textContent = bytes(t.bytes_per_token);
  $('read').title = percent(t.bytes) + ' of all weight bytes';
  $('readbar').style.width = 100 * t.bytes + '%';
  $('active').textContent = percent(t.active);
  $('activebar').style.width = 100 * t.active + '%';
}

/** Yields the JSON of each event of a stream. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith('data: ')) continue;
      const data = line.slice(6);
      if (data === '[DONE]') return;
      yield JSON.parse(data);
    }
  }
}

async function ask(text) {
  if (running || !text.trim()) return;
  add('user', text);
  conversation.push({ role: 'user', content: text });
  const item = add('assistant', '');
  item.classList.add('writing');
  const answer = item.firstChild;
  running = new AbortController();
  $('send').textContent = 'Stop';
  const messages = $('system').value.trim() ? [{ role: 'system', content: $('system').value }, ...conversation] : conversation;
  const body = {
    messages, stream: true, timings_per_token: true,
    max_tokens: Math.max(1, Math.floor(Number($('most').value)) || 256),
    temperature: Number($('temperature').value),
  };
  if (perRequest) body.sparsity = Number($('sparsity').value);
  const start = performance.now();
  let first = true;
  let timings = null;
  try {
    const response = await fetch('v1/chat/completions', {
      method: 'POST', headers: headers(), body: JSON.stringify(body), signal: running.signal,
    });
    if (!response.ok) throw new Error(await failure(response));
    for await (const event of events(response)) {
      if (event.error) throw new Error(event.error.message);
      const more = event.choices[0]?.delta?.content;
      if (more) {
        if (first) $('first').textContent = Math.round(performance.now() - start) + ' ms';
        first = false;
        const stay = nearBottom();
        answer.append(more);
        if (stay) bottom();
      }
      if (event.timings) {
        timings = event.timings;
        figures(timings);
      }
    }
  } catch (e) {
    if (e.name !== 'AbortError') {
      add('error', e.message);
    }
  } finally {
    item.classList.remove('writing');
    if (timings) {
      const note = document.createElement('small');
      note.textContent = `${timings.predicted_n} tokens, ${timings.predicted_per_second.toFixed(1)} a second · sparsity ${timings.sparsity.toFixed(2)} · `
        + `${bytes(timings.bytes_per_token)} read per token (${percent(timings.bytes)})`;
      item.append(note);
    }
    if (answer.textContent) {
      conversation.push({ role: 'assistant', content: answer.textContent });
    } else {
      conversation.pop(); // nothing came: it was not said
      if (!timings) item.remove();
    }
    running = null;
    $('send').textContent = 'Send';
    if (nearBottom()) bottom();
  }
}

$('ask').onsubmit = e => {
  e.preventDefault();
  if (running) {
    running.abort();
    return;
  }
  const text = $('text').value;
  $('text').value = '';
  grow();
  ask(text);
};
$('text').onkeydown = e => {
  if (e.key === 'Enter' && !e.shiftKey && !e.isComposing) {
    e.preventDefault();
    if (!running) $('ask').requestSubmit();
  }
};
function grow() {
  $('text').style.height = 'auto';
  $('text').style.height = $('text').scrollHeight + 2 + 'px';
}
$('text').oninput = grow;
$('sparsity').oninput = show;
$('temperature').oninput = show;
$('key').onchange = load;
$('settings').onsubmit = e => e.preventDefault();
$('clear').onclick = () => {
  if (running) running.abort();
  conversation.length = 0;
  $('messages').replaceChildren();
  $('welcome').hidden = false;
  $('text').focus();
};
show();
load();
