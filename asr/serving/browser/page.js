"use strict";
const at = (id) => document.getElementById(id);
const FORMATS = ["txt", "srt", "vtt", "json", "tsv"];
let modelName = "", needsKey = false;
let recording = null;  // while the microphone is open: {context, stream, node, parts, started}
let running = null;    // while a request is under way: its AbortController
let made = [];         // addresses of blobs that the page has made of the last recording

function say(text, isBad = false) {
  at("status").textContent = text;
  at("status").classList.toggle("bad", isBad);
}

function clock(seconds) {
  const whole = Math.floor(seconds), rest = String(whole % 60).padStart(2, "0");
  const minutes = Math.floor(whole / 60) % 60, hours = Math.floor(whole / 3600);
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

function link(blob) {
  made.push(URL.createObjectURL(blob));
  return made[made.length - 1];
}

async function learn() {
  const health = await (await fetch("health")).json();
  [modelName, needsKey] = [health.model, health.needs_key];
  at("about").textContent = `Speech to text with ${modelName}, on the machine that serves this page.`;
  at("key-field").hidden = !needsKey;
}

// The microphone: samples of a worklet become a wav, which says how long it is.

async function startRecording() {
  if (!navigator.mediaDevices) {
    throw new Error("The microphone is for pages of https, or of this machine: open http://127.0.0.1");
  }
  // As it sounds: what makes a voice pleasant in a call is not what recognizers learned from.
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, ...plain } });
  const context = new AudioContext();
  recording = { context, stream, parts: [], started: performance.now() };
  const source = at("recorder").textContent;
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  await context.audioWorklet.addModule(url);
  URL.revokeObjectURL(url);
  const node = recording.node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
  node.port.onmessage = ({ data }) => heard(data);
  context.createMediaStreamSource(stream).connect(node);
  await context.resume();
  showRecording(true);
}

function heard(samples) {
  if (samples === null) { recording.finished(); return; }
  recording.parts.push(samples);
  let peak = 0;
  for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  at("bar").style.width = `${Math.min(100, 100 * Math.sqrt(peak))}%`;
  say(`Recording ${clock((performance.now() - recording.started) / 1000)}`);
}

function showRecording(isOn) {
  at("file").disabled = isOn;
  at("choose").classList.toggle("off", isOn);
  at("record").textContent = isOn ? "Stop and transcribe" : "Record";
  at("record").setAttribute("aria-pressed", String(isOn));
  at("level").hidden = !isOn;
}

async function stopRecording() {
  if (!recording.node) return;
  const { context, stream, node, parts } = recording;
  await new Promise((resolve) => { recording.finished = resolve; node.port.postMessage("end"); });
  stream.getTracks().forEach((track) => track.stop());
  const rate = context.sampleRate;
  await context.close();
  recording = null;
  showRecording(false);
  if (!parts.length) { say("Nothing was heard: is the microphone on?", true); return; }
  await transcribe(new File([wav(parts, rate)], "recording.wav", { type: "audio/wav" }));
}

function wav(parts, rate) {
  const count = parts.reduce((sum, part) => sum + part.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * count));
  const letters = (place, text) => [...text].forEach((c, i) => view.setUint8(place + i, c.charCodeAt(0)));
  letters(0, "RIFF"); view.setUint32(4, 36 + 2 * count, true); letters(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  letters(36, "data"); view.setUint32(40, 2 * count, true);
  let place = 44;
  for (const part of parts) {
    for (const sample of part) {
      view.setInt16(place, Math.round(32767 * Math.max(-1, Math.min(1, sample))), true);
      place += 2;
    }
  }
  return view.buffer;
}

// A request, and its events as they come.

async function transcribe(file) {
  if (running) return;
  made.forEach((url) => URL.revokeObjectURL(url));
  made = [];
  ["text", "downloads", "warnings"].forEach((name) => at(name).replaceChildren());
  at("warnings").hidden = true;
  at("sound").src = link(file);
  at("result").hidden = false;
  running = new AbortController();
  showRunning(true);
  say(`Transcribing ${file.name} ...`);
  try {
    await ask(file, running.signal);
  } catch (error) {
    say(error.name === "AbortError" ? "Cancelled." : error.message, error.name !== "AbortError");
  } finally {
    running = null;
    showRunning(false);
  }
}

function showRunning(isOn) {
  at("record").disabled = at("file").disabled = isOn;
  at("choose").classList.toggle("off", isOn);
  at("cancel").hidden = !isOn;
}

async function ask(file, signal) {
  const form = new FormData();
  const fields = { model: modelName, stream: "true", response_format: "verbose_json" };
  Object.entries(fields).forEach(([name, value]) => form.append(name, value));
  ["word", "segment"].forEach((value) => form.append("timestamp_granularities[]", value));
  FORMATS.forEach((value) => form.append("downloads[]", value));
  form.append("file", file);
  const headers = needsKey ? { Authorization: `Bearer ${at("key").value}` } : {};
  const response = await fetch("v1/audio/transcriptions", { method: "POST", body: form, headers, signal });
  if (!response.ok) throw new Error((await response.json()).error.message);
  let done = false;
  for await (const event of events(response.body)) {
    if (event.error) throw new Error(event.error.message);
    if (event.type === "transcript.text.delta") showSegment(event.segment);
    if (event.type === "transcript.text.done") { finish(event, file); done = true; }
  }
  if (!done) throw new Error("The server ended before the text did.");
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (held + value).split("\n\n");
    held = blocks.pop();
    for (const block of blocks) {
      const lines = block.split("\n").filter((line) => line.startsWith("data: "));
      if (lines.length) yield JSON.parse(lines.map((line) => line.slice(6)).join("\n"));
    }
  }
}

// The text: one tab stop, arrows from word to word.

function showSegment(segment) {
  if (!segment.text && !segment.warning) return;
  const line = document.createElement("p");
  const time = document.createElement("time");
  time.textContent = clock(segment.start);
  const words = document.createElement("span");
  const whole = segment.text ? [{ word: segment.text, start: segment.start, end: segment.end }] : [];
  const timed = segment.words || whole;
  for (const word of timed) words.append(wordButton(word), " ");
  if (segment.warning) {
    const warning = document.createElement("span");
    warning.className = "warning";
    warning.textContent = `(${segment.warning})`;
    words.append(warning);
  }
  line.append(time, words);
  at("text").append(line);
  const first = at("text").querySelector(".word");
  if (first && !at("text").querySelector(".word[tabindex='0']")) first.tabIndex = 0;
}

function wordButton(word) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "word";
  button.textContent = word.word;
  button.title = `${word.start.toFixed(2)} s`;
  Object.assign(button.dataset, { start: word.start, end: word.end });
  if (word.confidence !== undefined && word.confidence < 0.5) button.classList.add("unsure");
  button.tabIndex = -1;
  return button;
}

function finish(event, file) {
  const count = at("text").querySelectorAll(".word").length;
  const length = event.duration < 60 ? `${event.duration.toFixed(1)} s` : clock(event.duration);
  say(count ? `Done: ${length} of audio.` : "No speech was found.");
  for (const text of event.warnings || []) {
    const item = document.createElement("li");
    item.textContent = text;
    at("warnings").append(item);
  }
  at("warnings").hidden = !at("warnings").children.length;
  const stem = file.name.replace(/\.[^.]*$/, "") || "transcript";
  for (const [format, content] of Object.entries(event.downloads || {})) {
    const anchor = document.createElement("a");
    anchor.href = link(new Blob([content], { type: "text/plain;charset=utf-8" }));
    anchor.download = `${stem}.${format}`;
    anchor.textContent = format;
    at("downloads").append(anchor);
  }
}

function hear(word) {
  at("sound").currentTime = Number(word.dataset.start);
  at("sound").play().catch((error) => say(`It cannot be played here: ${error.message}`, true));
}

function move(event) {
  const words = [...at("text").querySelectorAll(".word")], here = words.indexOf(document.activeElement);
  const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -here, End: words.length - 1 - here };
  if (here < 0 || !(event.key in steps)) return;
  const next = words[Math.max(0, Math.min(words.length - 1, here + steps[event.key]))];
  words.forEach((word) => { word.tabIndex = word === next ? 0 : -1; });
  next.focus();
  event.preventDefault();
}

function follow() {
  const now = at("sound").currentTime;
  for (const word of at("text").querySelectorAll(".word")) {
    word.classList.toggle("now", Number(word.dataset.start) <= now && now < Number(word.dataset.end));
  }
}

at("record").addEventListener("click", () => {
  const step = recording ? stopRecording() : startRecording();
  step.catch((error) => {
    recording?.stream.getTracks().forEach((track) => track.stop());
    recording = null;
    showRecording(false);
    say(error.message, true);
  });
});
at("file").addEventListener("change", () => {
  const [file] = at("file").files;
  at("file").value = "";
  if (file) transcribe(file);
});
at("file").addEventListener("focus", () => at("choose").classList.add("focused"));
at("file").addEventListener("blur", () => at("choose").classList.remove("focused"));
at("cancel").addEventListener("click", () => running?.abort());
document.addEventListener("dragover", (event) => { event.preventDefault(); at("input").classList.add("over"); });
document.addEventListener("dragleave", () => at("input").classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  at("input").classList.remove("over");
  const [file] = event.dataTransfer.files;
  if (file && !recording) transcribe(file);
});
at("text").addEventListener("click", (event) => {
  const word = event.target.closest(".word");
  if (word) hear(word);
});
at("text").addEventListener("keydown", move);
at("sound").addEventListener("timeupdate", follow);
learn().catch((error) => say(`The server does not answer: ${error.message}`, true));
