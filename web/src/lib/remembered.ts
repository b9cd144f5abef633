// Small choices of the reader. A browser that forbids storage forgets them, and that is all.
const PREFIX = "tidegate.";

export function read(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function write(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // Forgotten at the next visit.
  }
}
