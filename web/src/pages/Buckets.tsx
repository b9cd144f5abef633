// Stub: to be written.
import { Page } from "../parts/Page";

export default function Buckets() {
  return <Page title="Buckets">{null}</Page>;
}
