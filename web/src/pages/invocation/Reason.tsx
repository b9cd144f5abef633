// Why an invocation failed, in the words of whoever failed it; backtraces as they are.
import { reasonParts } from "../../lib/outcome";

export function Reason({ text }: { text: string }) {
  const { first, rest, isLong } = reasonParts(text);
  const trace = rest && (
    <pre class="backtrace" tabIndex={0} role="group" aria-label="Backtrace">
      {rest}
    </pre>
  );
  return (
    <div class="reason">
      <p class="wrap">{first}</p>
      {isLong ? (
        <details open>
          <summary>Backtrace, {rest.split("\n").length} lines</summary>
          {trace}
        </details>
      ) : (
        trace
      )}
    </div>
  );
}
