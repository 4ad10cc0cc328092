import { useState } from "preact/hooks";
import { messageOf } from "../api/http";
import { logIn } from "../api/session";
import { Logo } from "./logo";

/** The key is sent once. The browser keeps a cookie that scripts cannot read. */
export function Login() {
  const [key, setKey] = useState("");
  const [error, setError] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError("");
    try {
      await logIn(key.trim());
      setKey("");
    } catch (failure) {
      setError(messageOf(failure));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main>
      <form class="card login stack" onSubmit={submit}>
        <div class="brand">
          <Logo /> tasker
        </div>
        <h1>Log in</h1>
        <p class="muted">This server asks for an API key. Create one on the server:</p>
        <code class="block">npx tasker keys create --name me --scope read,operate</code>
        <div class="field">
          <label for="key">API key</label>
          <input
            id="key"
            type="password"
            autocomplete="current-password"
            required
            value={key}
            aria-invalid={error !== ""}
            aria-describedby="key-error"
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </div>
        <p id="key-error" class="bad-text" role="alert">
          {error}
        </p>
        <button type="submit" class="btn primary" disabled={busy || key.trim() === ""}>
          Log in
        </button>
      </form>
    </main>
  );
}
