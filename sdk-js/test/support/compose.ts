/** What a compose file says, as Docker Compose reads it: the part that ours use. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export type Variables = Record<string, string>;

interface Service {
  environment: Variables;
}

/** The environment of each service, with the variables of an `.env` file filled in. */
export function environments(file: string, variables: Variables): Record<string, Variables> {
  const { services } = parse(readFileSync(file, 'utf8')) as { services: Record<string, Service> };
  const filled = ({ environment }: Service) =>
    Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, interpolated(value, variables)]));
  return Object.fromEntries(Object.entries(services).map(([name, service]) => [name, filled(service)]));
}

/** `${NAME}`, `${NAME:-what else}` and `${NAME:?why it is needed}`. */
function interpolated(text: string, variables: Variables): string {
  return text.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind?: string, more = '') => {
    const value = variables[name] ?? '';
    if (value === '' && kind === '?') throw new Error(`${name}: ${more}`);
    return value === '' && kind === '-' ? more : value;
  });
}

/** `NAME=value` lines. */
export function variablesOf(text: string): Variables {
  const lines = text.split('\n').filter((line) => line.includes('='));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}
