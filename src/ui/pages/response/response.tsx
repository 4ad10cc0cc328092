import { href, type PageProps } from "../../app/router";
import { PageHead } from "../../parts/page";
import { ResponseView } from "./view";

export function ResponsePage(props: PageProps) {
  const [, type = "", id = "", , endpoint = ""] = props.parts;
  return (
    <>
      <PageHead
        title={`Response of ${endpoint === "*" ? "any one endpoint" : endpoint}`}
        sub={
          <>
            to <a href={href(["tasks", type, id])}>task {id}</a> of type {type}
          </>
        }
      >
        <a class="btn" href={href(["endpoints", endpoint])}>
          About {endpoint}
        </a>
      </PageHead>
      <div class="card pad stack">
        <h2 class="sr-only">All there is to know of it</h2>
        <ResponseView type={type} id={id} endpoint={endpoint} />
      </div>
    </>
  );
}
