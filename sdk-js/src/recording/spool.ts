import type { RecordingKind } from '../wire.ts';

/** A stretch that one run of the browser's recorder made: its first piece begins a file of its own. */
export interface Segment {
  fromSeq: number;
  /** When its first moment was, by the server's clock, in milliseconds since 1970. */
  startedAt: number;
  /** Whether the server knows of it. */
  isTold: boolean;
  /** What its first piece begins with, without which nothing else of it plays. */
  head?: Uint8Array<ArrayBuffer>;
}

/** What is known of a recording on this device, until the server has all of it. */
export interface Saved {
  recordingId: string;
  sessionId: string;
  /** Whose it is; empty where the client has no account, but an app's token. */
  userId: string;
  kind: RecordingKind;
  mimeType: string;
  chunkSeconds: number;
  maxChunkBytes: number;
  nextSeq: number;
  segments: Segment[];
  /** When the last piece ended, by the server's clock, in milliseconds since 1970; 0 before the first. */
  endedAt: number;
  /** Whether nothing more is recorded. */
  isFinished: boolean;
  /** When this was written last, by this machine's clock, in milliseconds since 1970. */
  savedAt: number;
}

/**
 * Keeps what was recorded until the server has it, over reloads and crashes. What is kept is a number and a handle to bytes on the
 * disk for each piece: no more than one piece at a time is in memory.
 */
export interface Spool {
  all(): Promise<Saved[]>;
  save(saved: Saved): Promise<void>;
  /** Both or neither: the piece, and what is known of the recording with it. */
  add(saved: Saved, seq: number, piece: Blob): Promise<void>;
  /** The pieces that wait for the server, in order. */
  waiting(recordingId: string): Promise<number[]>;
  read(recordingId: string, seq: number): Promise<Blob | undefined>;
  drop(recordingId: string, seq: number): Promise<void>;
  /** Deletes the recording here, pieces and all. */
  forget(recordingId: string): Promise<void>;
}

const NAME = 'tunrtc-recordings';
const RECORDINGS = 'recordings';
const PIECES = 'pieces';
/** Numbers sort before every text: so these are the ends of a recording's pieces. */
const piecesOf = (recordingId: string) => IDBKeyRange.bound([recordingId], [recordingId, '']);

/** The spool in this browser's IndexedDB, shared by all tabs of the origin. */
export class BrowserSpool implements Spool {
  #database: Promise<IDBDatabase> | undefined;

  all(): Promise<Saved[]> {
    return this.#do('readonly', ([recordings]) => recordings.getAll() as IDBRequest<Saved[]>);
  }

  async save(saved: Saved): Promise<void> {
    await this.#do('readwrite', ([recordings]) => recordings.put(saved));
  }

  async add(saved: Saved, seq: number, piece: Blob): Promise<void> {
    await this.#do('readwrite', ([recordings, pieces]) => {
      recordings.put(saved);
      return pieces.put(piece, [saved.recordingId, seq]);
    });
  }

  async waiting(recordingId: string): Promise<number[]> {
    const keys = await this.#do('readonly', ([, pieces]) => pieces.getAllKeys(piecesOf(recordingId)));
    return (keys as [string, number][]).map(([, seq]) => seq);
  }

  read(recordingId: string, seq: number): Promise<Blob | undefined> {
    return this.#do('readonly', ([, pieces]) => pieces.get([recordingId, seq]) as IDBRequest<Blob | undefined>);
  }

  async drop(recordingId: string, seq: number): Promise<void> {
    await this.#do('readwrite', ([, pieces]) => pieces.delete([recordingId, seq]));
  }

  async forget(recordingId: string): Promise<void> {
    await this.#do('readwrite', ([recordings, pieces]) => {
      pieces.delete(piecesOf(recordingId));
      return recordings.delete(recordingId);
    });
  }

  /** Does it in one transaction, and answers once that is on the disk. */
  async #do<Answer>(mode: IDBTransactionMode, act: (stores: [IDBObjectStore, IDBObjectStore]) => IDBRequest<Answer>): Promise<Answer> {
    const database = await (this.#database ??= this.#open());
    return new Promise((resolve, reject) => {
      const transaction = database.transaction([RECORDINGS, PIECES], mode, { durability: 'strict' });
      const request = act([transaction.objectStore(RECORDINGS), transaction.objectStore(PIECES)]);
      transaction.oncomplete = () => resolve(request.result);
      // A full disk ends the transaction, and no request of it.
      transaction.onabort = () => reject(transaction.error ?? request.error);
    });
  }

  async #open(): Promise<IDBDatabase> {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(RECORDINGS, { keyPath: 'recordingId' });
      request.result.createObjectStore(PIECES);
    };
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    }).catch((thrown: unknown) => {
      // The next one tries again.
      this.#database = undefined;
      throw thrown;
    });
    database.onclose = () => (this.#database = undefined);
    return database;
  }
}
