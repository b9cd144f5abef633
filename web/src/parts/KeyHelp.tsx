// All keys, and the switch that turns them off.
import { keysOn, shortcuts } from "../lib/keys";
import { Dialog } from "./Dialog";

export function KeyHelp({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} title="Keys" onClose={onClose}>
      <dl class="keys">
        {shortcuts.value.map(({ keys, does }) => (
          <div key={keys}>
            <dt>
              {keys.split(" ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>j</kbd>
            <kbd>k</kbd>
          </dt>
          <dd>In a table: the next row, the row before</dd>
        </div>
      </dl>
      <label class="check">
        <input
          type="checkbox"
          checked={keysOn.value}
          onChange={(event) => (keysOn.value = event.currentTarget.checked)}
        />
        Use single keys as shortcuts
      </label>
    </Dialog>
  );
}
