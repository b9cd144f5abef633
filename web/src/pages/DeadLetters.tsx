// Stub: to be written.
import { Page } from "../parts/Page";

export default function DeadLetters() {
  return <Page title="Dead letters">{null}</Page>;
}
