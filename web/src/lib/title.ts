// The title of the tab: how many invocations failed while nobody looked, and where one is.
import { computed, effect, signal } from "@preact/signals";
import { failuresSeen } from "../api/live";

export const pageTitle = signal("");
const lookedAt = signal(0);

export const failuresUnseen = computed(() => Math.max(0, failuresSeen.value - lookedAt.value));

effect(() => {
  const failures = failuresUnseen.value;
  const name = pageTitle.value ? `${pageTitle.value} · Tidegate` : "Tidegate";
  document.title = failures > 0 ? `(${failures}) ${name}` : name;
});

// Counting begins when the tab is left, so what happens before one's eyes is not counted.
effect(() => {
  if (!document.hidden) lookedAt.value = failuresSeen.value;
});
document.addEventListener("visibilitychange", () => {
  lookedAt.value = failuresSeen.peek();
});
