// Stub: to be written.
import { Page } from "../parts/Page";

export default function Clients() {
  return <Page title="Clients">{null}</Page>;
}
