import { useEffect, useState } from "preact/hooks";
import { listTypes, readTask } from "../api/calls";
import { messageOf } from "../api/http";
import { go, href, type PageProps } from "../app/router";
import { Busy } from "../parts/empty";
import { PageHead } from "../parts/page";

/** An id does not contain the type, so each type is asked. */
export function FindPage(props: PageProps) {
  const id = props.parts[1] ?? "";
  const [answer, setAnswer] = useState("");
  useEffect(() => {
    const gone = new AbortController();
    (async () => {
      const { items } = await listTypes(gone.signal);
      const tries = await Promise.allSettled(items.map((type) => readTask(type.name, id, gone.signal)));
      const hit = tries.find((one) => one.status === "fulfilled");
      if (gone.signal.aborted) return;
      if (hit) go(href(["tasks", hit.value.type, id]));
      else setAnswer("No task with this id is stored, or your key may not see it.");
    })().catch((error) => gone.signal.aborted || setAnswer(messageOf(error)));
    return () => gone.abort();
  }, [id]);
  return (
    <>
      <PageHead title={`Task ${id}`} />
      {answer ? <p>{answer}</p> : <Busy what="the task" />}
    </>
  );
}
