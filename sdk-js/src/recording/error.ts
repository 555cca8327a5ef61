/** What can be wrong with a recording. */
export type RecordingErrorCode =
  /** This browser cannot record in pieces, or keeps nothing over a reload: it lacks MediaRecorder, IndexedDB, Web Locks or every type that can be used. */
  | 'unsupported'
  /** There is nothing to record: no session was joined, or no screen is shared. */
  | 'nothing_to_record'
  /** The disk is full, or the browser lets this site keep no more. Recording has stopped; what was recorded before is uploaded. */
  | 'storage_full'
  /** The browser could not keep what was recorded, or not fast enough. Recording has stopped; what was recorded before is uploaded. */
  | 'storage_failed'
  /** The browser's recorder failed, several times in a row. Recording has stopped; what was recorded before is uploaded. */
  | 'recorder_failed'
  /** A recording lasts at most 12 hours, and begins anew, say with another camera, at most 200 times. It has stopped, and is uploaded. */
  | 'too_long'
  /** The server refused a piece; the message says which. The rest goes on, and the file names the gap. */
  | 'piece_refused'
  /**
   * The recording was deleted meanwhile; or composed, after ten minutes, or what the operator says, in which nothing came: what was not uploaded cannot
   * be any more, and `leftovers()` of the recording has it.
   */
  | 'gone'
  /** Nobody is signed in who may upload. What was recorded stays on this device until `resumeRecordings` is called by them. */
  | 'signed_out'
  /** The session was left while the recording was starting. */
  | 'closed';

/** What goes wrong with a recording; the code is stable, the message is for people. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError';
  readonly code: RecordingErrorCode;

  constructor(code: RecordingErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** What the browser's storage threw, as an error of recordings. */
export function storageError(thrown: unknown): RecordingError {
  if (thrown instanceof RecordingError) return thrown;
  if ((thrown as Partial<Error> | undefined)?.name === 'QuotaExceededError') {
    return new RecordingError('storage_full', 'There is no room left on this device to record.', thrown);
  }
  return new RecordingError('storage_failed', 'The browser could not keep what was recorded.', thrown);
}
