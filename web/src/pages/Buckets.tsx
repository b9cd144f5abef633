// What functions keep: buckets of keys and values.
import { useState } from "preact/hooks";
import { usePoll } from "../api/resource";
import { can } from "../api/session";
import type { BucketSummary } from "../api/types";
import { bytes, count, percent } from "../lib/format";
import { to } from "../lib/location";
import { EmptyState } from "../parts/EmptyState";
import { Loaded } from "../parts/Loaded";
import { Page, Section } from "../parts/Page";
import { type Column, Table } from "../parts/Table";
import { FilterInput } from "../parts/Toolbar";
import { BUCKET_BYTES_MAX } from "./buckets/keys";
import "./buckets/buckets.css";

const REFRESH_MS = 5000;
const NEARLY_FULL = 0.9;

const columns: readonly Column<BucketSummary>[] = [
  {
    id: "name",
    title: "Bucket",
    header: true,
    sort: (row) => row.name,
    cell: (row) => <a href={to`/buckets/${row.name}`}>{row.name}</a>,
  },
  { id: "keys", title: "Keys", numeric: true, sort: (row) => row.keys, cell: (row) => count(row.keys) },
  { id: "bytes", title: "Size", numeric: true, sort: (row) => row.bytes, cell: (row) => bytes(row.bytes) },
  {
    id: "share",
    title: `Of ${bytes(BUCKET_BYTES_MAX)}`,
    numeric: true,
    sort: (row) => row.bytes,
    cell: (row) => <Share of={row.bytes / BUCKET_BYTES_MAX} />,
  },
];

export default function Buckets() {
  const [filter, setFilter] = useState("");
  const list = usePoll<{ buckets: BucketSummary[] }>("/buckets", REFRESH_MS, ({ buckets }) => buckets.length === 0);
  return (
    <Page title="Buckets">
      <Section
        title="Key-value state"
        actions={list.state === "data" && <FilterInput label="Filter buckets" value={filter} onInput={setFilter} />}
      >
        <Loaded resource={list} what="the buckets" empty={<NoBuckets />}>
          {({ buckets }) => (
            <Table
              caption="Buckets"
              columns={columns}
              rows={buckets.filter(({ name }) => name.includes(filter.toLowerCase()))}
              rowKey={(row) => row.name}
              filter={filter}
              onClear={() => setFilter("")}
            />
          )}
        </Loaded>
      </Section>
    </Page>
  );
}

/** A full bucket stores nothing until something is deleted. */
function Share({ of }: { of: number }) {
  const full = of >= NEARLY_FULL;
  return (
    <span class={`share ${full ? "warn" : ""}`}>
      {full && <span class="small">nearly full</span>}
      <span class="share-bar" aria-hidden="true">
        <span style={{ width: `${Math.min(100, of * 100)}%` }} />
      </span>
      <span class="share-text">{of > 0 && of < 0.0005 ? "< 0.1 %" : percent(of)}</span>
    </span>
  );
}

const NoBuckets = () => (
  <EmptyState
    title="No bucket holds anything"
    text="A bucket is there as soon as a key is set in it. A function reaches those that its manifest grants."
    commands={[
      ...(can.deploy.value ? [{ label: "Set the first key:", command: "tidegate kv set default greeting hello" }] : []),
      { label: "Let a function use the bucket:", command: "tidegate deploy hello.wasm --bucket default" },
    ]}
  />
);
