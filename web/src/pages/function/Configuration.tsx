// What the function reads as its configuration and environment. Secrets are there by their names only.
import type { Manifest } from "../../api/types";
import { valueInWords } from "./diff";

interface Entry {
  key: string;
  value: string;
  from: "config" | "environment" | "secret";
}

const meanings: Record<Entry["from"], string> = {
  config: "wasi:config",
  environment: "environment variable",
  secret: "secret; only the host knows its value",
};

export function Configuration({ manifest }: { manifest: Manifest }) {
  const entries = entriesOf(manifest);
  if (entries.length === 0) {
    return (
      <p class="quiet">
        It has none. <code>[config]</code> in its manifest would give it keys and values to read, and{" "}
        <code>[environment]</code> variables.
      </p>
    );
  }
  return (
    <div class="table-scroll" tabIndex={0} role="group" aria-label="Configuration">
      <table class="table plain">
        <thead>
          <tr>
            <th scope="col">Key</th>
            <th scope="col">Value</th>
            <th scope="col">Read as</th>
          </tr>
        </thead>
        <tbody>
          {entries.map(({ key, value, from }) => (
            <tr key={`${from} ${key}`}>
              <th scope="row">
                <code>{key}</code>
              </th>
              <td class="wrap">{from === "secret" ? <span class="quiet">{value}</span> : <code>{value}</code>}</td>
              <td class="quiet">{meanings[from]}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function entriesOf({ config, environment, grants }: Manifest): Entry[] {
  const table = (values: Readonly<Record<string, unknown>> | null | undefined, from: Entry["from"]): Entry[] =>
    Object.entries(values ?? {}).map(([key, value]) => ({
      key,
      value: valueInWords(value),
      from: typeof value === "object" ? "secret" : from,
    }));
  const secrets = (grants?.secrets ?? []).map((key): Entry => ({ key, value: "not shown", from: "secret" }));
  return [...table(config, "config"), ...table(environment, "environment"), ...secrets];
}
