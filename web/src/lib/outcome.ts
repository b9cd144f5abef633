// How an invocation ended: what that means, and what to do about it.

export interface OutcomeWords {
  what: string;
  todo: string;
}

const words: Record<string, OutcomeWords> = {
  ok: { what: "It went well.", todo: "" },
  guest_error: {
    what: "The function returned an error.",
    todo: "The reason is in its own words. Its log lines may say more.",
  },
  trap: {
    what: "The function was aborted: a panic, an exit, or memory that is not its own.",
    todo: "The backtrace names the place; a component that was not stripped names functions and lines as well.",
  },
  no_response: {
    what: "The function returned without an answer to the request.",
    todo: "Every path through it has to set a response, also those of its errors.",
  },
  timeout: {
    what: "It took longer than it may.",
    todo: "Its calls show what it waited for. Raise limits.timeout in its manifest where that is right.",
  },
  cpu_limit: {
    what: "It computed for longer than it may.",
    todo: "Look for a loop that does not end, or raise limits.cpu in its manifest.",
  },
  memory_limit: {
    what: "It needed more memory than it may have.",
    todo: "Raise limits.memory in its manifest, or have it hold less at a time.",
  },
  host_memory: {
    what: "All functions together have as much memory as this host gives them.",
    todo: "Start the host with a larger --guest-memory, or lower limits.concurrency of the functions that need most.",
  },
  request_too_large: {
    what: "The body of the request was larger than the function takes.",
    todo: "Send less, or raise limits.request-bytes in its manifest.",
  },
  response_too_large: {
    what: "The body of its response was larger than it may send.",
    todo: "Have it send less, or raise limits.response-bytes in its manifest.",
  },
  cancelled: {
    what: "The client went away before the response was complete.",
    todo: "Where that happens often, see whether the function is slower than its clients wait.",
  },
  host_error: {
    what: "The host could not run it.",
    todo: "The reason is the host's; its own log has more.",
  },
  overloaded: {
    what: "It was not run: all its places are taken, and so is its queue.",
    todo: "Try again in a moment, or raise limits.concurrency and limits.queue in its manifest.",
  },
  rate_limited: {
    what: "It was not run: it gets more requests than its rate allows.",
    todo: "Try again in a moment, or raise limits.rate in its manifest.",
  },
};

/** An outcome of a newer host than this page is told by its own word. */
export const outcomeInWords = (outcome: string): OutcomeWords =>
  words[outcome] ?? { what: `It ended with: ${outcome.replaceAll("_", " ")}.`, todo: "" };

const blames: Record<string, string> = {
  guest: "To blame is the function: its code or its limits.",
  host: "To blame is the host: Tidegate or its machine.",
  client: "To blame is whoever sent the event.",
};

export const blameInWords = (blame: string | null | undefined): string => (blame ? (blames[blame] ?? "") : "");

const LINES_SHOWN = 12;

/**
 * The sentence that it begins with, and what follows: a guest's backtrace, of which the first lines tell the most. What
 * the runtime names as the cause at the end of it belongs into the sentence.
 */
export function reasonParts(reason: string): { first: string; rest: string; isLong: boolean } {
  const at = reason.indexOf("\n");
  if (at < 0) return { first: reason, rest: "", isLong: false };
  const [, trace = "", cause = ""] = /^([^]*?)(?:\n\s*Caused by:\s*([^]*))?$/.exec(reason.slice(at + 1)) ?? [];
  const rest = trace.trimEnd();
  const begin = reason.slice(0, at).replace(/ at wasm backtrace:$/, "");
  const first = cause ? `${begin}: ${cause.trim().replace(/\s*\n\s*/g, ": ")}` : begin;
  return { first, rest, isLong: rest.split("\n").length > LINES_SHOWN || rest.length > 2000 };
}
