/** Recording without a browser and without S3: a recorder, a disk and a store that fail as the real ones do. */
import type { RecordingEnvironment, Saved, Spool } from '../../src/recording/index.ts';
import type { RecordingKind } from '../../src/wire.ts';
import type { FakeClock } from './clock.ts';
import type { Person, Town } from './people.ts';
import { FakeStream, FakeTrack } from './peer-connection.ts';

/** Of a second of recording, in bytes. */
export const BYTES_PER_SECOND = 100;
const UPLOADS_AT_ONCE = 10;
const UPLOAD_VALID_MS = 900_000;
const MAX_CHUNK_BYTES = 1_000;

interface Kept {
  recordingId: string;
  sessionId: string;
  userId: string;
  kind: RecordingKind;
  mimeType: string;
  status: 'active' | 'composing' | 'deleted';
  segments: { fromSeq: number; startedAt: number }[];
  lastSeq?: number;
  durationMs?: number;
}

/** The routes of recording, and the store behind them, in front of a server that has neither. */
export class FakeRecordings {
  readonly recordings: Kept[] = [];
  /** What is stored, by key. */
  readonly objects = new Map<string, string>();
  /** Every request to the store that was answered, as `200 key`. */
  readonly puts: string[] = [];
  /** Every `uploads` that was asked. */
  readonly asked: Record<string, unknown>[] = [];
  /** What becomes of the next requests to the store: an answer's status, that the piece is too large, or that the line is cut. */
  readonly faults: (number | 'tooLarge' | 'cut')[] = [];
  /** Nothing reaches the store. */
  isCut = false;
  /** How long the store takes, in milliseconds. */
  slowMs = 0;
  /** Refuses the next call of a route, say `start`, with a status and a code. */
  readonly refusals: { route: string; status: number; code: string }[] = [];
  /** Most requests to the store at once. */
  mostAtOnce = 0;
  #atOnce = 0;
  #ids = 0;
  readonly #town: Town;

  constructor(town: Town) {
    this.#town = town;
  }

  /** The `fetch` of somebody's environment. */
  fetchOf(person: () => Person): RecordingEnvironment['fetch'] {
    return async (address, init) => {
      const url = new URL(address);
      if (url.host === 'store') return this.#store(url, init);
      const [, route] = /^\/api\/(?:session\/recording\/(\w+)|recordings\/.*)$/.exec(url.pathname) ?? [null, null];
      if (!url.pathname.startsWith('/api/session/recording/') && !url.pathname.startsWith('/api/recordings/')) return this.#town.server.fetch(address, init);
      if (person().environment.isOffline) throw new TypeError('fetch failed');
      const refusal = this.refusals.findIndex((each) => each.route === (route ?? 'delete'));
      const [refused] = refusal >= 0 ? this.refusals.splice(refusal, 1) : [];
      if (refused) return problem(refused.status, refused.code);
      const userId = person().client.user?.userId ?? '';
      return this.#answer(route ?? 'delete', url.pathname.split('/').at(-1) ?? '', init.body ? JSON.parse(String(init.body)) : {}, userId);
    };
  }

  /** What was stored of a recording, in order. */
  stored(recordingId: string): string[] {
    return [...this.objects].filter(([key]) => key.startsWith(recordingId)).sort(([a], [b]) => a.localeCompare(b)).map(([, bytes]) => bytes);
  }

  #answer(route: string, id: string, body: Record<string, unknown>, userId: string): Response {
    if (route === 'start') return this.#start(body as unknown as Kept, userId);
    const recording = this.recordings.find(({ recordingId, status }) => recordingId === (body['recordingId'] ?? id) && status !== 'deleted');
    if (recording?.userId !== userId) return problem(404, 'recording_not_found');
    if (route === 'delete') {
      recording.status = 'deleted';
      return new Response(null, { status: 204 });
    }
    if (route === 'finish') {
      if (recording.status === 'active') Object.assign(recording, { status: 'composing', lastSeq: body['lastSeq'], durationMs: body['durationMs'] });
      return json(202, { status: recording.status });
    }
    return this.#uploads(recording, body);
  }

  #start(body: Kept, userId: string): Response {
    const active = this.recordings.find((each) => each.userId === userId && each.kind === body.kind && each.sessionId === body.sessionId && each.status === 'active');
    if (active) return problem(409, 'recording_active');
    const recording: Kept = { ...body, recordingId: `recording-${++this.#ids}`, userId, status: 'active', segments: [] };
    this.recordings.push(recording);
    return json(201, { recordingId: recording.recordingId, chunkSeconds: 4, maxChunkBytes: MAX_CHUNK_BYTES, serverTime: this.#town.clock.timestamp(), ...this.#urls(recording, 0) });
  }

  /** Segments come one after the other, and the newest may be told again. */
  #uploads(recording: Kept, body: Record<string, unknown>): Response {
    this.asked.push(body);
    if (recording.status !== 'active') return problem(409, 'recording_finished');
    const fromSeq = Number(body['fromSeq']);
    if (body['segmentStartedAt'] !== undefined) {
      const last = recording.segments.at(-1);
      const segment = { fromSeq, startedAt: Number(body['segmentStartedAt']) };
      if (last && last.fromSeq > fromSeq) return problem(400, 'invalid_request');
      if (last?.fromSeq === fromSeq) Object.assign(last, segment);
      else recording.segments.push(segment);
    }
    const { recordingId } = recording;
    const seqs = [...this.objects.keys()].filter((key) => key.startsWith(recordingId)).map((key) => Number(key.split('/')[1]));
    const refused = seqs.filter((seq) => (this.objects.get(keyOf(recordingId, seq)) ?? '').length > MAX_CHUNK_BYTES);
    for (const seq of refused) this.objects.delete(keyOf(recordingId, seq));
    const have = seqs.filter((seq) => !refused.includes(seq)).map((seq) => [seq, seq]);
    return json(200, { have, refused: refused.map((seq) => ({ seq, reason: 'tooLarge' })), ...this.#urls(recording, fromSeq) });
  }

  #urls({ recordingId, mimeType }: Kept, from: number): object {
    const until = this.#town.clock.now() + UPLOAD_VALID_MS;
    const type = mimeType.split(';')[0] ?? '';
    const uploads = Array.from({ length: UPLOADS_AT_ONCE }, (_, at) => {
      const key = keyOf(recordingId, from + at);
      return { seq: from + at, url: `https://store/${key}?type=${type}&until=${until}&signature=${signature(key, type, until)}` };
    });
    return { uploads, expiresAt: new Date(Date.parse(this.#town.clock.timestamp()) + UPLOAD_VALID_MS).toISOString() };
  }

  async #store(url: URL, init: RequestInit): Promise<Response> {
    const key = url.pathname.slice(1);
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce);
    try {
      const fault = this.faults.shift();
      if (this.slowMs > 0) await this.#wait(this.slowMs, init.signal);
      if (this.isCut || fault === 'cut') throw new TypeError('fetch failed');
      const status = fault === 'tooLarge' ? 400 : (fault ?? this.#judge(key, url.searchParams, init));
      this.puts.push(`${status} ${key}`);
      if (status === 200) this.objects.set(key, await (init.body as Blob).text());
      return new Response(fault === 'tooLarge' ? '<Error><Code>EntityTooLarge</Code></Error>' : null, { status });
    } finally {
      this.#atOnce--;
    }
  }

  #judge(key: string, query: URLSearchParams, { method, headers }: RequestInit): number {
    const [type, until] = [query.get('type') ?? '', Number(query.get('until'))];
    const isSigned = query.get('signature') === signature(key, type, until);
    const isAllowed = isSigned && this.#town.clock.now() < until && new Headers(headers).get('content-type') === type;
    return method === 'PUT' && isAllowed ? 200 : 403;
  }

  #wait(milliseconds: number, signal: AbortSignal | null | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#town.clock.setTimeout(resolve, milliseconds);
      signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
    });
  }
}

const keyOf = (recordingId: string, seq: number) => `${recordingId}/${String(seq).padStart(6, '0')}`;
const signature = (key: string, type: string, until: number) => Buffer.from(`${key} ${type} ${until}`).toString('base64url');
const json = (status: number, body: object) => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
const problem = (status: number, code: string) => json(status, { code, status, title: code, detail: code, message: code });

/** A disk that a test fills up. It outlives clients, as a browser's does. */
export class FakeSpool implements Spool {
  readonly #saved = new Map<string, Saved>();
  readonly #pieces = new Map<string, Map<number, Blob>>();
  /** The name of the error with which everything that is written fails. */
  failure: string | undefined;
  /** While set, what is written waits. */
  gate: Promise<void> | undefined;

  get size(): number {
    return this.#saved.size + [...this.#pieces.values()].reduce((sum, pieces) => sum + pieces.size, 0);
  }

  all = async (): Promise<Saved[]> => structuredClone([...this.#saved.values()]);

  async save(saved: Saved): Promise<void> {
    // The real one copies what it is given at once.
    const copy = structuredClone(saved);
    await this.#write();
    this.#saved.set(copy.recordingId, copy);
  }

  async add(saved: Saved, seq: number, piece: Blob): Promise<void> {
    const copy = structuredClone(saved);
    await this.#write();
    this.#saved.set(copy.recordingId, copy);
    this.#pieces.set(copy.recordingId, (this.#pieces.get(copy.recordingId) ?? new Map<number, Blob>()).set(seq, piece));
  }

  waiting = async (recordingId: string): Promise<number[]> => [...(this.#pieces.get(recordingId)?.keys() ?? [])].sort((a, b) => a - b);

  read = async (recordingId: string, seq: number): Promise<Blob | undefined> => this.#pieces.get(recordingId)?.get(seq);

  async drop(recordingId: string, seq: number): Promise<void> {
    this.#pieces.get(recordingId)?.delete(seq);
  }

  async forget(recordingId: string): Promise<void> {
    this.#saved.delete(recordingId);
    this.#pieces.delete(recordingId);
  }

  async #write(): Promise<void> {
    await this.gate;
    if (this.failure) throw new DOMException('no room', this.failure);
  }
}

/** Locks of the tabs of one browser. A tab that is killed lets go of its own. */
export class FakeLocks {
  readonly #held = new Map<string, object>();

  of(tab: object): NonNullable<RecordingEnvironment['hold']> {
    return async (name) => {
      if (this.#held.has(name)) return undefined;
      this.#held.set(name, tab);
      return () => this.#held.delete(name);
    };
  }

  kill(tab: object): void {
    for (const [name, holder] of this.#held) if (holder === tab) this.#held.delete(name);
  }
}

/** A browser's recorder, whose bytes say what is in them: `<` begins a file, a letter a second, `>` ends it. */
export function recorderOf(clock: FakeClock): typeof FakeRecorder {
  return class extends FakeRecorder {
    protected override readonly clock = clock;
    static override readonly made: FakeRecorder[] = [];
    static override supported = new Set(['video/mp4;codecs=avc1.640028,opus', 'video/mp4;codecs=vp9,opus', 'video/webm;codecs=vp9,opus', 'audio/mp4;codecs=opus']);
  };
}

export class FakeRecorder {
  static readonly made: FakeRecorder[] = [];
  static supported = new Set<string>();
  /** Whether it reads the option that makes key frames. */
  static knowsKeyFrames = true;
  /** Types that fail as soon as something is recorded. */
  static broken = new Set<string>();
  static isTypeSupported(type: string): boolean {
    return this.supported.has(type);
  }
  protected readonly clock!: FakeClock;
  readonly tracks: FakeTrack[];
  readonly mimeType: string;
  readonly keyFrames: number | undefined;
  state: 'inactive' | 'recording' = 'inactive';
  onstart: (() => void) | null = null;
  ondataavailable: ((event: { data: Blob }) => void) | null = null;
  onstop: (() => void) | null = null;
  #pending = '<';
  #second: unknown;
  #slice: unknown;

  constructor(stream: FakeStream, options: { mimeType?: string; videoKeyFrameIntervalDuration?: number } = {}) {
    const type = this.constructor as typeof FakeRecorder;
    this.tracks = stream.getTracks();
    this.mimeType = options.mimeType ?? '';
    this.keyFrames = type.knowsKeyFrames ? options.videoKeyFrameIntervalDuration : undefined;
    if (this.tracks.length > 0) type.made.push(this);
  }

  start(slice: number): void {
    this.state = 'recording';
    this.clock.setTimeout(() => this.onstart?.(), 0);
    const second = () => {
      this.#pending += this.tracks.length === 1 ? 'a' : 'v';
      this.#second = this.clock.setTimeout(second, 1_000);
      if (this.tracks.every(({ readyState }) => readyState === 'ended') || (this.constructor as typeof FakeRecorder).broken.has(this.mimeType)) this.stop();
    };
    const give = () => {
      this.#give();
      this.#slice = this.clock.setTimeout(give, slice);
    };
    // What a piece ends with was recorded before it is given.
    this.#second = this.clock.setTimeout(second, 999);
    this.#slice = this.clock.setTimeout(give, slice);
  }

  stop(): void {
    this.state = 'inactive';
    this.clock.clearTimeout(this.#second);
    this.clock.clearTimeout(this.#slice);
    this.#pending += '>';
    setImmediate(() => {
      this.#give();
      this.onstop?.();
    });
  }

  /** The tab is gone: nothing more comes of it. */
  kill(): void {
    this.clock.clearTimeout(this.#second);
    this.clock.clearTimeout(this.#slice);
    this.ondataavailable = this.onstop = null;
  }

  #give(): void {
    // Without key frames there is nothing to give before the end.
    if (this.state === 'recording' && this.keyFrames === undefined && this.mimeType.includes('avc1')) return;
    const data = new Blob([[...this.#pending].map((each) => each.repeat(BYTES_PER_SECOND)).join('')]);
    this.#pending = '';
    this.ondataavailable?.({ data });
  }
}
