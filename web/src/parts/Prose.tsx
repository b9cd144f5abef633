// What the host says. What stands between backticks is code; nothing of it is ever HTML.
export function Prose({ text }: { text: string }) {
  return <>{text.split(/`([^`\n]+)`/).map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part))}</>;
}
