import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { loginNeeded, messageOf } from "./api/http";
import { startLive } from "./api/live";
import { loadSession, session } from "./api/session";
import { Login } from "./app/login";
import { Shell } from "./app/shell";
import { Busy, Failure } from "./parts/empty";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/pages.css";
import "./styles/matrix.css";

function App() {
  const [error, setError] = useState("");
  const begin = () =>
    loadSession().then(
      () => setError(""),
      (failure) => setError(messageOf(failure)),
    );
  useEffect(() => {
    startLive();
    void begin();
  }, []);
  if (loginNeeded.value) return <Login />;
  if (error && !session.value) {
    return (
      <main>
        <h1>tasker</h1>
        <Failure error={error} onRetry={begin} />
      </main>
    );
  }
  if (!session.value) return <Busy />;
  return <Shell />;
}

render(<App />, document.getElementById("app")!);
