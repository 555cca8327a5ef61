/** A request as one would type it: in a terminal, and in a page. */
export interface Sample {
  method: string;
  url: string;
  body: unknown;
  needsToken: boolean;
}

/** Both of them as Markdown, which is what descriptions are. */
export function snippets(sample: Sample): string {
  return ['```sh', curl(sample), '```', '```js', script(sample), '```'].join('\n');
}

function curl({ method, url, body, needsToken }: Sample): string {
  const quoted = (text: string) => `'${text.replaceAll(`'`, `'\\''`)}'`;
  const parts = [
    `curl ${method === 'GET' ? '' : `-X ${method} `}${quoted(url)}`,
    ...(needsToken ? ['-H "authorization: Bearer $TOKEN"'] : []),
    ...(body === undefined ? [] : [`-H 'content-type: application/json'`, `-d ${quoted(JSON.stringify(body))}`]),
  ];
  return parts.join(' \\\n  ');
}

function script({ method, url, body, needsToken }: Sample): string {
  const headers = [...(needsToken ? ['authorization: `Bearer ${token}`'] : []), ...(body === undefined ? [] : [`'content-type': 'application/json'`])];
  const options = [
    ...(method === 'GET' ? [] : [`  method: '${method}',`]),
    ...(headers.length > 0 ? [`  headers: { ${headers.join(', ')} },`] : []),
    ...(body === undefined ? [] : [`  body: JSON.stringify(${JSON.stringify(body, null, 2).replaceAll('\n', '\n  ')}),`]),
  ];
  const given = options.length > 0 ? `, {\n${options.join('\n')}\n}` : '';
  return `const answer = await fetch('${url}'${given});`;
}
