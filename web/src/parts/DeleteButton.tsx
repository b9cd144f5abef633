// The button at the end of a row that leads to its deletion.
import { Icon } from "./Icon";

export function DeleteButton({ name, onClick }: { name: string; onClick: () => void }) {
  return (
    <button type="button" class="icon-button" aria-label={`Delete ${name}`} title="Delete" onClick={onClick}>
      <Icon name="trash" />
    </button>
  );
}
