// Passes what the microphone hears on to the page, 2048 samples of its first channel at a time.
class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.samples = new Float32Array(2048);
    this.filled = 0;
    this.isOpen = true;
    this.port.onmessage = () => { this.send(); this.port.postMessage(null); this.isOpen = false; };
  }

  send() {
    if (this.filled) this.port.postMessage(this.samples.slice(0, this.filled));
    this.filled = 0;
  }

  process(inputs) {
    const heard = inputs[0][0];
    if (!this.isOpen) return false;
    if (!heard) return true;
    if (this.filled + heard.length > this.samples.length) this.send();
    this.samples.set(heard, this.filled);
    this.filled += heard.length;
    return true;
  }
}
registerProcessor("recorder", Recorder);
