// Stub: to be written.
import { Page } from "../parts/Page";
import type { PageProps } from "../routes";

export default function Function({ params }: PageProps) {
  return (
    <Page title={params["name"] ?? ""} crumbs={[{ href: "#/", text: "Overview" }]}>
      {null}
    </Page>
  );
}
