import { compareEpochs } from './epoch.ts';
import type { ReceivedSignal } from '../wire.ts';

/** Remembered ids; far more than one inbox window can hold. */
const REMEMBERED = 2048;

/** A set that forgets its oldest members. */
export class Recent {
  readonly #members = new Set<string>();

  has(member: string): boolean {
    return this.#members.has(member);
  }

  /** Whether this is new; remembers it. */
  add(member: string): boolean {
    if (this.#members.has(member)) return false;
    this.#members.add(member);
    if (this.#members.size > REMEMBERED) {
      for (const oldest of this.#members) {
        this.#members.delete(oldest);
        break;
      }
    }
    return true;
  }
}

/** One sender's signals in its present epoch. */
interface Stream {
  epoch: string;
  /** The `seq` that comes next. */
  next: number;
  /** Arrived before their turn. */
  held: Map<number, ReceivedSignal>;
}

/**
 * Puts each sender's signals back in order and drops what was seen: by (sender, epoch, seq), or by signal id
 * where a sender gives no order. Pure bookkeeping; the owner watches {@link Inbox.gaps} and asks for a replay.
 */
export class Inbox {
  readonly #streams = new Map<string, Stream>();
  readonly #seen = new Recent();
  readonly #retired = new Recent();

  /** Takes one signal as it arrives; answers those whose turn has come. */
  accept(signal: ReceivedSignal): ReceivedSignal[] {
    const { epoch, seq, fromUserId, signalId } = signal;
    if (epoch === undefined || seq === undefined) return this.#seen.add(signalId) ? [signal] : [];
    const stream = this.#stream(fromUserId, epoch);
    if (!stream || seq < stream.next || stream.held.has(seq)) return [];
    stream.held.set(seq, signal);
    return drain(stream);
  }

  /** Senders of whom a signal is missing. */
  gaps(): string[] {
    return [...this.#streams].filter(([, stream]) => stream.held.size > 0).map(([sender]) => sender);
  }

  /** Everybody who has sent a signal with a place in an order. */
  senders(): string[] {
    return [...this.#streams.keys()];
  }

  /** Gives up on what is missing from a sender and goes on with what was held; answers that. */
  skip(sender: string): ReceivedSignal[] {
    const stream = this.#streams.get(sender);
    if (!stream) return [];
    const waiting = [...stream.held.values()].sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
    stream.held.clear();
    stream.next = (waiting.at(-1)?.seq ?? stream.next - 1) + 1;
    return waiting;
  }

  /** Gives up on a sender's present epoch: nothing more of it is taken. */
  abandon(sender: string): void {
    const stream = this.#streams.get(sender);
    if (!stream) return;
    this.#retired.add(`${sender} ${stream.epoch}`);
    stream.held.clear();
    stream.next = Infinity;
  }

  #stream(sender: string, epoch: string): Stream | undefined {
    const present = this.#streams.get(sender);
    if (present?.epoch === epoch) return present;
    if (this.#isOld(sender, epoch, present?.epoch)) return undefined;
    if (present) this.#retired.add(`${sender} ${present.epoch}`);
    const stream: Stream = { epoch, next: 1, held: new Map() };
    this.#streams.set(sender, stream);
    return stream;
  }

  #isOld(sender: string, epoch: string, present: string | undefined): boolean {
    const order = present === undefined ? undefined : compareEpochs(epoch, present);
    return order === undefined ? this.#retired.has(`${sender} ${epoch}`) : order < 0;
  }
}

/** Takes out of a stream what is in order by now. */
function drain(stream: Stream): ReceivedSignal[] {
  const ready: ReceivedSignal[] = [];
  for (let signal; (signal = stream.held.get(stream.next)); stream.next++) {
    stream.held.delete(stream.next);
    ready.push(signal);
  }
  return ready;
}
