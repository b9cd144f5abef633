// Ten thousand events a second, and the page stays a page: it can be clicked on, typed in and left, it grows no
// further, and it says what it did not show.
import assert from "node:assert/strict";
import { Worker } from "node:worker_threads";
import { ask, deploy, portOf } from "./host.mjs";
import { atEnd, feedIs, given, goTo, open, run, signIn, step, until } from "./lib.mjs";

const PER_SECOND = 10_000;
/** So long at least; longer where the page needs longer for what is done meanwhile. */
const SECONDS = 5;
const ROWS_MAX = 1500;
const HEAP_BYTES_MAX = 64 * 1024 * 1024;

/** Counts what the live connection brings, before the page sees it. It would be an odd test that asked the page. */
const COUNTING = `
  const counted = (window.counted = { invocations: 0, others: 0, missed: 0, first: null, last: null, connections: 0 });
  const Original = window.EventSource;
  window.EventSource = class extends Original {
    constructor(url, options) {
      super(url, options);
      if (!url.includes("/live")) return;
      counted.connections += 1;
      const note = ({ lastEventId, type }) => {
        const number = Number(lastEventId.split("-")[1]);
        // What the host says of itself at the beginning is no event, and has no number of its own.
        if (!number || number === counted.last) return;
        counted.first ??= number;
        counted.last = number;
        counted[type === "invocation" ? "invocations" : "others"] += 1;
      };
      for (const type of ["invocation", "deploy", "broker", "health", "vitals"]) this.addEventListener(type, note);
      this.addEventListener("missed", ({ data }) => (counted.missed += JSON.parse(data).events));
    }
  };
`;

/** The time from one drawing to the next, as long as it is asked for. */
const measureFrames = (page) =>
  page.evaluate(() => {
    const frames = (window.frames_ms = []);
    let before = performance.now();
    const next = (now) => {
      frames.push(now - before);
      before = now;
      if (window.frames_ms === frames) requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
const framesOf = (page) =>
  page.evaluate(() => {
    const frames = window.frames_ms.toSorted((a, b) => a - b);
    window.frames_ms = null;
    const at = (share) => Math.round(frames[Math.min(frames.length - 1, Math.floor(frames.length * share))]);
    return { frames: frames.length, p50_ms: at(0.5), p95_ms: at(0.95), p99_ms: at(0.99), worst_ms: at(1) };
  });

/** Publishes in a thread of its own, until it is told to stop; that resolves with what it did. */
function flood() {
  const worker = new Worker(new URL("./flood_worker.mjs", import.meta.url), {
    workerData: {
      port: Number(portOf(given.mqtt)),
      topic: "flood/all",
      perSecond: PER_SECOND,
      atLeast: PER_SECOND * SECONDS,
    },
  });
  atEnd(() => worker.terminate());
  const done = new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  return () => (worker.postMessage("stop"), done);
}

await run("flood", async () => {
  const tab = await open({ scripts: [{ content: COUNTING }] });
  const { page, context } = tab;
  const counted = () => page.evaluate(() => window.counted);
  const invocations = async () => (await ask("GET", "/functions/flooded")).invocations;
  const debug = await context.newCDPSession(page);
  const heap = async () => {
    await debug.send("HeapProfiler.collectGarbage");
    return (await debug.send("Runtime.getHeapUsage")).usedSize;
  };
  const rows = () => page.locator("main li, main tr").count();

  await deploy("flooded", "mqtt_works", { query: "topic=flood/%23" });
  await deploy("steady", "http_version");
  await signIn(tab);
  await page.getByRole("row", { name: /flooded/ }).waitFor();
  await feedIs(page, "live");
  const heapBefore = await heap();

  const stop = flood();
  const events = page.getByRole("group", { name: "Events", exact: true });

  await step("the flood arrives in the feed", async () => {
    await events.getByText("flood/all").first().waitFor();
    // A gap may be there for a moment only. However slow the host is: a page that was busy for a while has more to
    // show than it keeps.
    let isTold = false;
    const told = page.evaluate(
      () =>
        new Promise((resolve) => {
          const look = () => {
            const gaps = [...document.querySelectorAll(".tail-gap")];
            if (gaps.some((gap) => /skipped|missed/.test(gap.textContent))) resolve();
            else requestAnimationFrame(look);
          };
          look();
        }),
    );
    void told.then(() => (isTold = true));
    await page.evaluate(() => {
      const end = performance.now() + 2000;
      while (performance.now() < end);
    });
    await until("what is not shown is told", () => isTold);
  });
  await measureFrames(page);

  await step("in the middle of it the page is typed in, clicked on, paused and continued", async () => {
    const filter = page.getByRole("searchbox", { name: "Filter functions" });
    await filter.fill("steady");
    await page.getByRole("row", { name: /flooded/ }).waitFor({ state: "hidden" });
    await filter.fill("");
    await page.getByRole("button", { name: "Pause" }).click();
    await page
      .locator(".tail-state")
      .getByText(/^paused \(\+[1-9]/)
      .waitFor();
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("button", { name: "failures", exact: true }).click();
    await events.getByText("flood/all").first().waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "all", exact: true }).click();
    assert.ok((await rows()) < ROWS_MAX, `${await rows()} rows`);
  });

  await step("and left for other pages, which work", async () => {
    await page
      .getByRole("row", { name: /flooded/ })
      .getByRole("link", { name: "flooded", exact: true })
      .click();
    await page.getByRole("heading", { level: 1, name: "flooded" }).waitFor();
    await page.getByRole("tab", { name: "Invocations" }).click();
    await page
      .getByRole("row", { name: /flood\/all/ })
      .first()
      .waitFor();
    assert.ok((await rows()) < ROWS_MAX, `${await rows()} rows`);
    await page.getByRole("tab", { name: "Logs" }).click();
    await page.getByText("It has logged nothing yet").waitFor();
    await goTo(tab, "/topics?filter=flood/%23", "Topics");
    await page.getByRole("treeitem", { name: /flood/ }).first().waitFor();
    await page.locator(".message-topic").getByText("flood/all").first().waitFor();
    assert.ok((await rows()) < ROWS_MAX, `${await rows()} rows`);
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Overview" }).click();
    await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
    assert.ok((await rows()) < ROWS_MAX, `${await rows()} rows`);
  });

  const sent = await step("the flood ends", stop);
  const frames = await framesOf(page);

  await step("received and missed account for every event that the host told of", async () => {
    // QoS 0 is at most once: what really began is what counts.
    let before = -1;
    const ran = await until("no more invocations end", async () => {
      const now = await invocations();
      const { in_flight, broker } = await ask("GET", "/vitals");
      const isSteady = now === before && now > 0 && in_flight === 0 && broker.inbox_messages === 0;
      before = now;
      return isSteady && now;
    });
    // One more, so that what came before it has been told.
    await fetch(`${given.http}/steady/end`);
    await events.getByText("GET /steady/end").waitFor();
    const { invocations: received, others, missed, first, last, connections } = await counted();
    assert.equal(connections, 1, "the connection held");
    assert.equal(received + others + missed, last - first + 1, "each number was either received or told as missed");
    // The last one is that of the other function. Clients that come and go are events as well.
    assert.ok(
      received - 1 <= ran && ran <= received - 1 + missed,
      `${received} received and ${missed} missed of ${ran}`,
    );
    console.log(
      `    ${sent.published} published in ${sent.seconds.toFixed(1)} s (${Math.round(sent.published / sent.seconds)}/s), ` +
        `${ran} invocations, ${received} received by the page (${Math.round(received / sent.seconds)}/s), ${missed} missed`,
    );
    console.log(`    frames while it went on: ${JSON.stringify(frames)}`);
  });

  await step("the memory of the page is what it was, and a bounded part more", async () => {
    const heapAfter = await heap();
    console.log(`    heap: ${heapBefore} B before, ${heapAfter} B after`);
    assert.ok(heapAfter < HEAP_BYTES_MAX, `${heapAfter} B`);
    assert.ok((await rows()) < ROWS_MAX);
  });

  await step("the topics page counts the messages that it followed, those that it missed too", async () => {
    await goTo(tab, "/topics?filter=flood/%23", "Topics");
    await feedIs(page, "live");
    const again = await flood()();
    const told = page.getByText(/ received/).filter({ hasText: /^[\d\u202f]+ received/ });
    const number = (text) => Number(text.replace(/\D/g, ""));
    await until("all that were published are accounted for", async () => {
      const [received, missed = "0"] = (await told.innerText()).split(",");
      return number(received) + number(missed) === again.published;
    });
    console.log(`    ${await told.innerText()} of ${again.published}`);
  });
});
