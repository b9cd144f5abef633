// Stub: to be written.
import { Page } from "../parts/Page";

export default function Deploy() {
  return <Page title="Deploy a function">{null}</Page>;
}
