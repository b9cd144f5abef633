// Stub: to be written.
import { Page } from "../parts/Page";
import type { PageProps } from "../routes";

export default function Bucket({ params }: PageProps) {
  return (
    <Page title={params["bucket"] ?? ""} crumbs={[{ href: "#/buckets", text: "Buckets" }]}>
      {null}
    </Page>
  );
}
