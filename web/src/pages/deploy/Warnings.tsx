// What the host has to say to a deployment that it takes all the same.
import { Icon } from "../../parts/Icon";
import { Prose } from "../../parts/Prose";

export function Warnings({ texts }: { texts: readonly string[] }) {
  if (texts.length === 0) return null;
  return (
    <div class="notice warn">
      <Icon name="warning" />
      <ul class="grow">
        {texts.map((text) => (
          <li key={text}>
            <Prose text={text} />
          </li>
        ))}
      </ul>
    </div>
  );
}
