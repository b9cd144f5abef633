// MQTT topics and filters, as the host matches and checks them (MQTT 5, section 4.7).
import { type Check, topicFilterProblem, topicProblem } from "./checks";

const TOPIC_BYTES_MAX = 1024;

const lengthProblem: Check = (text) =>
  text.includes("\0")
    ? "A NUL character cannot be in it."
    : new TextEncoder().encode(text).length > TOPIC_BYTES_MAX
      ? `It is longer than ${TOPIC_BYTES_MAX} bytes.`
      : null;

/** Of a topic that somebody publishes to by hand. */
export const publishProblem: Check = (text) =>
  topicProblem(text) ??
  (text.startsWith("$") ? "Topics that begin with “$” are the broker's own: choose another." : lengthProblem(text));

/** Of a filter that somebody looks through by hand. */
export const tailProblem: Check = (text) => topicFilterProblem(text) ?? lengthProblem(text);

export function filterMatches(filter: string, topic: string): boolean {
  // A leading wildcard does not reach the broker's own topics.
  if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
  const levels = topic.split("/");
  const wanted = filter.split("/");
  for (const [index, one] of wanted.entries()) {
    if (one === "#") return true;
    if (index >= levels.length || (one !== "+" && one !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}
