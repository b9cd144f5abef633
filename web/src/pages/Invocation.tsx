// Stub: to be written.
import { to } from "../lib/location";
import { Page } from "../parts/Page";
import type { PageProps } from "../routes";

export default function Invocation({ params }: PageProps) {
  const name = params["name"] ?? "";
  return (
    <Page title={`Invocation ${params["id"] ?? ""}`} crumbs={[{ href: to`/functions/${name}`, text: name }]}>
      {null}
    </Page>
  );
}
