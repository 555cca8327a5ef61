/** Takes one event's data. */
export type Listener<Data> = (data: Data) => void;

/** Events kept per name for a listener that is still to come. */
const HELD = 64;

/**
 * Typed events. An event that nobody listens to yet is kept, and its first listener gets it: so it does
 * not matter whether `on` is called before or after the call that causes the event.
 */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();
  readonly #held = new Map<keyof Events, unknown[]>();

  constructor() {
    bindMembers(this);
  }

  /** Listens; the answer stops listening. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    let listeners = this.#listeners.get(name);
    if (!listeners) this.#listeners.set(name, (listeners = new Set()));
    listeners.add(listener);
    const held = this.#held.get(name);
    this.#held.delete(name);
    if (held) queueMicrotask(() => held.forEach((data) => listeners.has(listener) && call(listener, data as Events[Name])));
    return () => this.off(name, listener);
  }

  /** Listens to the next event of this name only. */
  once<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const stop = this.on(name, (data) => {
      stop();
      listener(data);
    });
    return stop;
  }

  /** Stops listening. */
  off<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    this.#listeners.get(name)?.delete(listener);
  }

  /** Tells every listener. */
  protected emit<Name extends keyof Events>(name: Name, data: Events[Name]): void {
    const listeners = this.#listeners.get(name);
    if (listeners) {
      for (const listener of [...listeners]) call(listener as Listener<Events[Name]>, data);
      return;
    }
    const held = this.#held.get(name) ?? [];
    held.push(data);
    this.#held.set(name, held.slice(-HELD));
  }

  /** Whether anybody listens, or has listened. */
  protected isHeard(name: keyof Events): boolean {
    return this.#listeners.has(name);
  }

  /** Forgets what was kept for listeners that never came, but for one name that still holds. */
  protected dropHeld(except?: keyof Events): void {
    for (const name of this.#held.keys()) if (name !== except) this.#held.delete(name);
  }
}

/** A listener that throws must not keep the others from hearing; its error surfaces as an uncaught one. */
function call<Data>(listener: Listener<Data>, data: Data): void {
  try {
    listener(data);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/**
 * Ties every method and property to the object itself. Frameworks (Vue, MobX and others) put proxies around objects, and a
 * proxy has no private members: what is called through it must still reach the object.
 */
export function bindMembers(object: object): void {
  for (let type = Object.getPrototypeOf(object) as object; type !== Object.prototype; type = Object.getPrototypeOf(type) as object) {
    const members = Object.entries<PropertyDescriptor>(Object.getOwnPropertyDescriptors(type));
    for (const [name, member] of members) {
      if (name === 'constructor' || Object.hasOwn(object, name)) continue;
      for (const part of ['value', 'get', 'set'] as const) {
        if (typeof member[part] === 'function') member[part] = (member[part] as () => unknown).bind(object);
      }
      Object.defineProperty(object, name, member);
    }
  }
}
