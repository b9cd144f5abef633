// Where the time of an invocation went: a table whose last column is drawn.
import type { InvocationDetail } from "../../api/types";
import { duration, plural } from "../../lib/format";
import { Icon } from "../../parts/Icon";
import { type Bar, type Layout, layout, ownTime } from "./waterfall";

/** A little is left free at the right edge. */
const percent = (share: number): string => `${(share * 98).toFixed(3)}%`;

export function Waterfall({ detail }: { detail: InvocationDetail }) {
  const shown = layout(detail);
  const calls = shown.bars.filter(({ kind }) => kind === "call").length;
  return (
    <>
      <div class="table-scroll">
        <table class="waterfall">
          <caption class="hidden">Where its time went, in the order of beginnings</caption>
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col" class="right">
                Begins
              </th>
              <th scope="col" class="right">
                Takes
              </th>
              <th scope="col" class="waterfall-chart">
                <span class="hidden">Drawn</span>
                <Scale layout={shown} />
              </th>
            </tr>
          </thead>
          <tbody>
            {shown.bars.map((bar, index) => (
              <Row key={index} bar={bar} layout={shown} />
            ))}
          </tbody>
        </table>
      </div>
      <p class="quiet waterfall-note">
        {calls === 0
          ? "It called no capability: all of its time is its own."
          : `Of its run, ${duration(ownTime(shown))} were its own and not spent in ${plural(calls, "call")} of capabilities.`}
        {detail.spans_dropped > 0 &&
          ` ${plural(detail.spans_dropped, "more call was", "more calls were")} not recorded.`}
      </p>
    </>
  );
}

function Row({ bar, layout: { ticks } }: { bar: Bar; layout: Layout }) {
  const { kind, name, detail, start, duration: took, error, left, width } = bar;
  return (
    <tr class={error ? "failed" : ""}>
      <th scope="row">
        {error && <Icon name="cross" size={12} />}
        {name}
        {detail && <code class="quiet wrap">{detail}</code>}
        {error && <span class="bad-text wrap">{error}</span>}
      </th>
      <td class="num right">{start < 0 ? `−${duration(-start)}` : duration(start)}</td>
      <td class="num right">{duration(took)}</td>
      <td class="waterfall-chart" aria-hidden="true">
        <Grid ticks={ticks} />
        <i
          class={`waterfall-bar ${kind} ${error ? "failed" : ""}`}
          style={{ left: percent(left), width: `max(2px, ${percent(width)})` }}
        />
      </td>
    </tr>
  );
}

const Grid = ({ ticks }: Pick<Layout, "ticks">) => (
  <>
    {ticks.map(({ at, left }) => (
      <i key={at} class={at === 0 ? "waterfall-line zero" : "waterfall-line"} style={{ left: percent(left) }} />
    ))}
  </>
);

function Scale({ layout: { ticks } }: { layout: Layout }) {
  return (
    <span class="waterfall-scale num" aria-hidden="true">
      {ticks
        // At the right edge there is no room for words.
        .filter(({ left }) => left < 0.94)
        .map(({ at, left }) => (
          <span key={at} style={{ left: percent(left) }}>
            {at === 0 ? "0" : at < 0 ? `−${duration(-at)}` : duration(at).replace(/\.0(?= )/, "")}
          </span>
        ))}
    </span>
  );
}
