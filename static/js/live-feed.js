// What changed in a thread, in its order, each change once: from the server's stream, or by asking again and again.
// Only a page that is looked at holds a stream, because browsers allow few of them to one site. A hidden one asks now
// and then, so that its title can say what waits.

const KINDS = ["comment", "edited", "gone", "respect", "thread", "reload"];
const ASK_MS = 15_000;
const QUIET_FACTOR = 1.2; // the longer nothing happens, the more rarely it asks
const QUIET_MS = 60_000;
const HIDDEN_MS = 60_000;
const HIDDEN_FOR_MS = 30 * 60_000; // then a hidden page asks no more until somebody looks at it
const FAILED_MS = 300_000;
const ENDED_MS = 60_000; // what was closed may be opened again: that is asked for
const ENDED_TIMES = 60;
const FULL = 200; // so many in one answer, and there are more
const STREAM_FAILURES = 3; // in a row, then this page asks instead
const SPREAD = 0.2; // pages that were opened together do not ask together

/** Follows a thread from a number on. `on` has events(list), readers(number) and end(); they are called in order. */
export class Feed {
  #on;
  #base;
  #after;
  #canStream;
  #stream = null;
  #failures = 0;
  #quiet = 0;
  #timer = 0;
  #asking = false;
  #etag = "";
  #ended = 0;
  #running = false;
  #hiddenAt = 0;

  constructor(base, after, canStream, on) {
    this.#base = base;
    this.#after = after;
    this.#canStream = canStream && "EventSource" in window;
    this.#on = on;
    document.addEventListener("visibilitychange", () => this.#running && this.#begin());
    // A page kept for going back is looked at again.
    window.addEventListener("pageshow", (event) => event.persisted && this.#running && this.#begin());
    window.addEventListener("pagehide", () => this.#close());
  }

  /** Begin, or go on where it was stopped: what happened meanwhile comes first. */
  start() {
    this.#running = true;
    this.#begin();
  }

  stop() {
    this.#running = false;
    this.#close();
    clearTimeout(this.#timer);
    this.#on.readers(0);
  }

  #begin() {
    clearTimeout(this.#timer);
    this.#quiet = 0;
    if (document.hidden) {
      this.#hiddenAt = Date.now();
      this.#close();
      this.#on.readers(0);
      this.#askLater(HIDDEN_MS);
    } else if (this.#canStream) {
      if (!this.#stream) this.#open();
    } else {
      this.#ask();
    }
  }

  #open() {
    const stream = new EventSource(`${this.#base}/live?after=${this.#after}`);
    this.#stream = stream;
    for (const kind of KINDS) {
      stream.addEventListener(kind, (event) => this.#take([{ ...JSON.parse(event.data), kind }]));
    }
    stream.addEventListener("readers", (event) => this.#on.readers(JSON.parse(event.data).readers ?? 0));
    stream.addEventListener("open", () => { this.#failures = 0; });
    stream.addEventListener("error", () => {
      if (stream !== this.#stream) return;
      this.#failures += 1;
      if (stream.readyState !== EventSource.CLOSED && this.#failures < STREAM_FAILURES) return;
      // Refused, or nothing more to come: asking tells which.
      this.#canStream = false;
      this.#close();
      this.#on.readers(0);
      this.#ask();
    });
  }

  #close() {
    this.#stream?.close();
    this.#stream = null;
  }

  #askLater(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), wait * (1 - SPREAD + 2 * SPREAD * Math.random()));
  }

  async #ask() {
    if (this.#asking || !this.#running) return;
    this.#asking = true;
    const wait = await this.#answer().catch(() => this.#failed());
    this.#asking = false;
    if (!this.#running || this.#stream || wait === null) return;
    if (!document.hidden) this.#askLater(wait);
    else if (Date.now() - this.#hiddenAt < HIDDEN_FOR_MS) this.#askLater(Math.max(wait, HIDDEN_MS));
  }

  /** One question; returns how long to wait for the next, or null where no more shall be asked. */
  async #answer() {
    const headers = { "X-Requested-With": "fetch" };
    if (this.#etag) headers["If-None-Match"] = this.#etag;
    const answer = await fetch(`${this.#base}/changes?after=${this.#after}`, { headers, cache: "no-store" });
    if (answer.status === 204 || (answer.status >= 400 && answer.status < 429)) {
      this.#on.readers(0);
      if (!this.#ended) this.#on.end();
      this.#ended += 1;
      this.#running = answer.status === 204 && this.#ended < ENDED_TIMES;
      return this.#running ? ENDED_MS : null;
    }
    if (!answer.ok && answer.status !== 304) return this.#failed();
    this.#failures = 0;
    this.#on.readers(Number(answer.headers.get("X-Readers-Now") ?? 0));
    const events = answer.ok ? await answer.json() : [];
    if (!events.length) {
      this.#etag = answer.headers.get("ETag") ?? this.#etag;
      this.#quiet += 1;
      return Math.min(ASK_MS * QUIET_FACTOR ** (this.#quiet - 1), QUIET_MS);
    }
    this.#quiet = 0;
    this.#take(events);
    return events.length < FULL ? ASK_MS : 0;
  }

  #failed() {
    this.#failures += 1;
    return Math.min(ASK_MS * 2 ** this.#failures, FAILED_MS);
  }

  #take(events) {
    const fresh = events.filter((event) => event.n > this.#after);
    if (!fresh.length) return;
    this.#after = fresh.at(-1).n;
    this.#etag = "";
    this.#ended = 0;
    this.#on.events(fresh);
  }
}
