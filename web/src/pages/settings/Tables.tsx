// Settings and limits as the host goes by them.
import { useState } from "preact/hooks";
import type { Limit, Setting } from "../../api/types";
import { Section } from "../../parts/Page";
import { Prose } from "../../parts/Prose";
import { type Column, Table } from "../../parts/Table";
import { FilterInput } from "../../parts/Toolbar";
import { limitText, sentence } from "./limits";

const settingColumns: readonly Column<Setting>[] = [
  { id: "name", title: "Flag", header: true, cell: (row) => <code>{row.name}</code> },
  {
    id: "value",
    title: "Value",
    phone: "bare",
    cell: ({ value }) => (value ? <code class="wrap">{value}</code> : <span class="quiet">not set</span>),
  },
];

export function SettingsTable({ settings }: { settings: readonly Setting[] }) {
  const example = environmentOf("--drain-timeout");
  return (
    <Section title="Settings" plain>
      <p class="quiet">
        They are changed where the host is started, and count from its next start: as a flag (
        <code>--drain-timeout 30s</code>), in the environment (<code>{example}=30s</code>), or in the file that{" "}
        <code>--config</code> names (<code>drain-timeout = "30s"</code>). A flag goes before the environment, and that
        before the file.
      </p>
      <div class="card">
        <Table
          caption="Settings"
          columns={settingColumns}
          rows={settings}
          rowKey={(row) => row.name}
          empty={<p class="quiet">This host tells none.</p>}
        />
      </div>
    </Section>
  );
}

const environmentOf = (flag: string): string =>
  `TIDEGATE_${flag.replace(/^--/, "").replaceAll("-", "_").toUpperCase()}`;

const limitColumns: readonly Column<Limit>[] = [
  { id: "name", title: "Limit", header: true, sort: (row) => row.name, cell: (row) => row.name },
  { id: "value", title: "Value", cell: (row) => <span class="num nowrap">{limitText(row)}</span> },
  { id: "meaning", title: "Meaning", phone: "double", cell: (row) => <Prose text={sentence(row.meaning)} /> },
];

export function LimitsTable({ limits }: { limits: readonly Limit[] }) {
  const [filter, setFilter] = useState("");
  const wanted = filter.toLowerCase();
  const rows = limits.filter(({ name, meaning }) => `${name} ${meaning}`.toLowerCase().includes(wanted));
  return (
    <Section title="Limits" actions={<FilterInput label="Filter limits" value={filter} onInput={setFilter} />}>
      <Table
        caption="Limits"
        columns={limitColumns}
        rows={rows}
        rowKey={(row) => row.name}
        filter={filter}
        onClear={() => setFilter("")}
        empty={<p class="quiet">This host tells none.</p>}
      />
    </Section>
  );
}
