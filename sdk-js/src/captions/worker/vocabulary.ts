/** Words from a model's tokens, as the tokenizer of Llama writes them: `▁` is a space, `<0x41>` a byte of UTF-8. */
export function decode(tokens: readonly number[], vocabulary: readonly string[]): string {
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  for (const token of tokens) {
    const piece = vocabulary[token] ?? '';
    const byte = /^<0x([0-9A-F]{2})>$/.exec(piece)?.[1];
    if (byte) bytes.push(parseInt(byte, 16));
    else if (!/^<.*>$/.test(piece)) bytes.push(...encoder.encode(piece.replaceAll('▁', ' ')));
  }
  return new TextDecoder().decode(Uint8Array.from(bytes)).trim();
}
